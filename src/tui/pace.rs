//! How often frames are drawn: so many in any second and no more, those that answer a key at once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// The frames of the last second.
pub struct Pace {
    recent: VecDeque<Instant>,
    most: usize,
}

impl Pace {
    /// Ten frames in a second; four over SSH.
    pub fn new(over_ssh: bool) -> Self {
        Self { recent: VecDeque::new(), most: if over_ssh { 4 } else { 10 } }
    }

    /// When the next frame may be drawn. A frame that answers a key waits only for its share of the second; the others keep
    /// their distance too, so that there is always room for a key's.
    pub fn next(&self, now: Instant, for_key: bool) -> Instant {
        let full = if self.recent.len() < self.most { None } else { self.recent.front().map(|t| *t + SECOND) };
        let apart = self.recent.back().filter(|_| !for_key).map(|t| *t + SECOND / self.most as u32);
        full.max(apart).map_or(now, |t| t.max(now))
    }

    /// Notes a frame that was sent.
    pub fn sent(&mut self, at: Instant) {
        self.recent.push_back(at);
        while self.recent.len() > self.most {
            self.recent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_answered_at_once_and_no_second_has_too_many_frames() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        for (over_ssh, most) in [(false, 10), (true, 4)] {
            let mut pace = Pace::new(over_ssh);
            assert_eq!(pace.next(at(0), false), at(0));
            pace.sent(at(0));
            // News keeps its distance, a key does not.
            assert_eq!(pace.next(at(20), false), at(1000 / most));
            assert_eq!(pace.next(at(20), true), at(20));
            // A held key: thirty a second for ten seconds.
            let mut frames = vec![at(0)];
            for i in 1..300 {
                let now = at(33 * i);
                if pace.next(now, true) <= now {
                    pace.sent(now);
                    frames.push(now);
                }
            }
            for pair in frames.windows(most as usize + 1) {
                assert!(pair[most as usize] - pair[0] >= SECOND);
            }
            assert!(frames.len() as u64 > 9 * most, "and none is missing: {}", frames.len());
        }
    }
}
