//! Keyed random draws: every draw has an address, so neither threads nor a resume can change it.
//!
//! A stream is ChaCha8 (fixed by specification) under the key SHA-256("pinfold draw 1" ‖ seed ‖ address). The
//! bounded draw and the shuffle are ours, with golden values, since library versions of both have changed.

use super::digest::Hasher;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of draws under one address.
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream for a protocol seed and an address: names (stage, purpose) and numbers (fold, epoch, sample).
    pub fn keyed(seed: u64, purpose: &str, numbers: &[u64]) -> Self {
        let mut h = Hasher::default();
        h.update(b"pinfold draw 1");
        h.update(&seed.to_le_bytes());
        h.update(&(purpose.len() as u64).to_le_bytes());
        h.update(purpose.as_bytes());
        numbers.iter().for_each(|n| h.update(&n.to_le_bytes()));
        Self(ChaCha8Rng::from_seed(*h.finish().bytes()))
    }

    /// 32 random bits.
    pub fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// 64 random bits.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in [0, 1), 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [low, high).
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Uniform in 0..n, without bias (masked rejection). `n` must not be 0.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "an empty range has no draw");
        let mask = u64::MAX >> (n - 1).max(1).leading_zeros();
        loop {
            let v = self.u64() & mask;
            if v < n {
                return v;
            }
        }
    }

    /// Standard normal (Box–Muller, one value a call, so that the stream's position is plain).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Fisher–Yates, from the end.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i as u64 + 1) as usize;
            items.swap(i, j);
        }
    }

    /// 0..n in random order.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_values_never_change() {
        let mut d = Draw::keyed(42, "test", &[1, 2]);
        let first = [d.u32(), d.u32(), d.u32()];
        let order = Draw::keyed(42, "shuffle", &[]).permutation(8);
        assert_eq!(
            (first, order),
            ([3915431773, 2047520962, 3752504248], vec![2, 6, 4, 1, 7, 3, 0, 5]),
            "draws are part of every checkpoint's identity"
        );
    }

    #[test]
    fn addresses_are_independent() {
        let a = Draw::keyed(1, "a", &[0]).u64();
        assert_ne!(a, Draw::keyed(1, "a", &[1]).u64());
        assert_ne!(a, Draw::keyed(1, "b", &[0]).u64());
        assert_ne!(a, Draw::keyed(2, "a", &[0]).u64());
        assert_ne!(a, Draw::keyed(1, "a", &[]).u64());
    }

    #[test]
    fn bounded_draws_are_even() {
        let mut d = Draw::keyed(3, "even", &[]);
        let mut counts = [0u32; 5];
        (0..50_000).for_each(|_| counts[d.below(5) as usize] += 1);
        assert!(counts.iter().all(|&c| (9_600..10_400).contains(&c)), "{counts:?}");
        assert_eq!(d.below(1), 0);
    }
}
