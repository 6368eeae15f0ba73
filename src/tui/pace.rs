//! How often frames are drawn: what answers a key at once, news ten times a second, and over SSH less of both.

use std::time::{Duration, Instant};

/// The last frame, and how far apart frames have to be.
pub struct Pace {
    last: Option<(Instant, usize)>,
    /// Between a frame and one that brings news; no frame is ever held back for longer.
    news: Duration,
    /// Between a frame and one that answers a key.
    key: Duration,
    /// Bytes a second that the line is thought to carry, for frames that answer keys.
    line: Option<usize>,
}

impl Pace {
    /// News ten times a second; four times over SSH. A held key comes about thirty times a second and is answered as often; over
    /// SSH half as often, and less often while the frames are large, so that a slow line does not go on scrolling after the key
    /// was let go.
    pub fn new(over_ssh: bool) -> Self {
        let ms = Duration::from_millis;
        if over_ssh {
            Self { last: None, news: ms(250), key: ms(66), line: Some(32 * 1024) }
        } else {
            Self { last: None, news: ms(100), key: ms(33), line: None }
        }
    }

    /// When the next frame may be drawn.
    pub fn next(&self, now: Instant, for_key: bool) -> Instant {
        let Some((at, bytes)) = self.last else { return now };
        let apart = if for_key {
            let carried = self.line.map_or(Duration::ZERO, |line| Duration::from_secs_f64(bytes as f64 / line as f64));
            self.key.max(carried).min(self.news)
        } else {
            self.news
        };
        now.max(at + apart)
    }

    /// Notes a frame that was sent, and its bytes.
    pub fn sent(&mut self, at: Instant, bytes: usize) {
        self.last = Some((at, bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of ten seconds in which something happens every so many milliseconds.
    fn frames(over_ssh: bool, every: u64, for_key: bool, bytes: usize) -> usize {
        let start = Instant::now();
        let mut pace = Pace::new(over_ssh);
        let mut frames = 0;
        let mut wanted = false;
        for ms in 0..10_000 {
            let now = start + Duration::from_millis(ms);
            wanted |= ms % every == 0;
            if wanted && pace.next(now, for_key) <= now {
                pace.sent(now, bytes);
                (wanted, frames) = (false, frames + 1);
            }
        }
        frames
    }

    #[test]
    fn keys_are_answered_at_once_and_news_waits_its_turn() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut pace = Pace::new(false);
        assert_eq!(pace.next(at(0), false), at(0));
        pace.sent(at(0), 900);
        assert_eq!(pace.next(at(40), false), at(100));
        assert_eq!(pace.next(at(40), true), at(40));
        // A held key is answered evenly, each time.
        assert_eq!(frames(false, 34, true, 900), 295);
        assert_eq!(frames(false, 1, false, 900), 100);
        // Over SSH: fifteen small frames a second, fewer large ones, and four with news.
        assert!((145..=152).contains(&frames(true, 34, true, 900)));
        assert!((75..=80).contains(&frames(true, 1, true, 4096)));
        assert_eq!(frames(true, 34, true, 1 << 20), 40);
        assert_eq!(frames(true, 1, false, 900), 40);
    }
}
