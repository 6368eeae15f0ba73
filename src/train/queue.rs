//! Work prepared ahead by threads, and taken in order.

use crate::base::{Failure, Result};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

struct Inside<T> {
    next: usize,
    taken: usize,
    ready: BTreeMap<usize, T>,
    closed: bool,
    broken: bool,
}

struct Queue<T> {
    inside: Mutex<Inside<T>>,
    changed: Condvar,
}

impl<T> Queue<T> {
    fn lock(&self) -> MutexGuard<'_, Inside<T>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn wait<'a>(&self, guard: MutexGuard<'a, Inside<T>>) -> MutexGuard<'a, Inside<T>> {
        self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }
    fn tell(&self, change: impl FnOnce(&mut Inside<T>)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// Runs a closure when dropped: also when the thread panics.
struct AtEnd<F: FnMut()>(F);

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Calls `make(i)` for each `i` of `range` on `threads` threads, at most twice as many items ahead as there are
/// threads, and hands the results to `take` on this thread in order, until it breaks or fails. With no threads
/// everything happens here. The number of threads cannot change what is taken.
pub fn in_order<T: Send>(
    threads: usize,
    range: std::ops::Range<usize>,
    make: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(usize, T) -> Result<ControlFlow<()>>,
) -> Result<()> {
    if threads == 0 {
        for i in range {
            if take(i, make(i))?.is_break() {
                break;
            }
        }
        return Ok(());
    }
    let inside = Inside { next: range.start, taken: range.start, ready: BTreeMap::new(), closed: false, broken: false };
    let queue = Queue { inside: Mutex::new(inside), changed: Condvar::new() };
    let work = || {
        let guard = AtEnd(|| {
            if std::thread::panicking() {
                queue.tell(|q| q.broken = true);
            }
        });
        loop {
            let mut q = queue.lock();
            while !q.closed && q.next < range.end && q.next >= q.taken + 2 * threads {
                q = queue.wait(q);
            }
            if q.closed || q.next >= range.end {
                break;
            }
            let i = q.next;
            q.next += 1;
            drop(q);
            let item = make(i);
            queue.tell(|q| drop(q.ready.insert(i, item)));
        }
        drop(guard);
    };
    std::thread::scope(|scope| {
        let _close = AtEnd(|| queue.tell(|q| q.closed = true));
        for _ in 0..threads {
            scope.spawn(work);
        }
        for i in range.clone() {
            let mut q = queue.lock();
            let item = loop {
                if let Some(item) = q.ready.remove(&i) {
                    break item;
                }
                if q.broken {
                    return Err(Failure::environment("a thread that prepares batches ended before its work was done"));
                }
                q = queue.wait(q);
            };
            q.taken = i + 1;
            drop(q);
            queue.changed.notify_all();
            if take(i, item)?.is_break() {
                break;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_whatever_the_threads() {
        for threads in [0, 1, 2, 5] {
            let mut seen = Vec::new();
            in_order(
                threads,
                3..40,
                |i| {
                    std::thread::sleep(std::time::Duration::from_micros((i as u64 * 37) % 200));
                    i * i
                },
                |i, square| {
                    seen.push((i, square));
                    Ok(if i == 30 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
                },
            )
            .expect("runs");
            assert_eq!(seen, (3..=30).map(|i| (i, i * i)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_error_ends_it() {
        let out = in_order(2, 0..100, |i| i, |i, _| if i == 5 { Err(Failure::input("no")) } else { Ok(ControlFlow::Continue(())) });
        assert!(out.is_err());
    }
}
