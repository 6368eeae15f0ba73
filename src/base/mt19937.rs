//! The Mersenne Twister (Matsumoto and Nishimura 1998), as NumPy's `RandomState` and PyTorch's CPU generator
//! use it.
//!
//! Only for being equal to them: published splits come from these streams. Everything of our own draws from
//! [`super::Draw`].

const N: usize = 624;
const M: usize = 397;

/// A generator. `Mt19937::new(s)` is `numpy.random.RandomState(s)` and, up to the functions named after torch,
/// `torch.Generator().manual_seed(s)`.
#[derive(Clone)]
pub struct Mt19937 {
    state: [u32; N],
    next: usize,
}

impl Mt19937 {
    /// Seeded with one number (`init_genrand`).
    pub fn new(seed: u32) -> Self {
        let mut state = [seed; N];
        for i in 1..N {
            let before = state[i - 1];
            state[i] = 1_812_433_253u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(i as u32);
        }
        Self { state, next: N }
    }

    /// Seeded with several numbers (`init_by_array`), as NumPy does for a list. Panics on an empty one.
    pub fn from_key(key: &[u32]) -> Self {
        assert!(!key.is_empty(), "a key has at least one number");
        let mut out = Self::new(19_650_218);
        let s = &mut out.state;
        let (mut i, mut j) = (1, 0);
        let mixed = |s: &[u32; N], i: usize, factor: u32| s[i] ^ (s[i - 1] ^ (s[i - 1] >> 30)).wrapping_mul(factor);
        let wrap = |s: &mut [u32; N], i: &mut usize| {
            *i += 1;
            if *i == N {
                s[0] = s[N - 1];
                *i = 1;
            }
        };
        for _ in 0..N.max(key.len()) {
            s[i] = mixed(s, i, 1_664_525).wrapping_add(key[j]).wrapping_add(j as u32);
            wrap(s, &mut i);
            j = (j + 1) % key.len();
        }
        for _ in 1..N {
            s[i] = mixed(s, i, 1_566_083_941).wrapping_sub(i as u32);
            wrap(s, &mut i);
        }
        s[0] = 1 << 31;
        out
    }

    /// 32 random bits.
    pub fn u32(&mut self) -> u32 {
        if self.next == N {
            self.refresh();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn refresh(&mut self) {
        for i in 0..N {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
            let twist = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ twist;
        }
        self.next = 0;
    }

    /// 64 random bits, the first draw high.
    pub fn u64(&mut self) -> u64 {
        let high = u64::from(self.u32());
        high << 32 | u64::from(self.u32())
    }

    /// NumPy's `random_sample`: uniform in [0, 1), 53 bits.
    pub fn unit(&mut self) -> f64 {
        let (a, b) = (self.u32() >> 5, self.u32() >> 6);
        (f64::from(a) * 67_108_864.0 + f64::from(b)) / 9_007_199_254_740_992.0
    }

    /// NumPy's `randint(0, n)` of 64-bit integers, and the draw inside `shuffle`: masked rejection. `n` must not
    /// be 0; `n = 1` draws nothing.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "an empty range has no draw");
        let last = n - 1;
        if last == 0 {
            return 0;
        }
        let mask = u64::MAX >> last.leading_zeros();
        loop {
            let bits = if last <= u64::from(u32::MAX) { u64::from(self.u32()) } else { self.u64() };
            if bits & mask <= last {
                return bits & mask;
            }
        }
    }

    /// NumPy's `shuffle`.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i as u64 + 1) as usize;
            items.swap(i, j);
        }
    }

    /// NumPy's `permutation(n)`.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }

    /// PyTorch's `randperm(n)` on the CPU: from the front, and by remainder. Right for n below 2^32 / 20, where
    /// PyTorch itself changes the rule.
    pub fn torch_randperm(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in 0..n.saturating_sub(1) {
            let j = i + self.u32() as usize % (n - i);
            order.swap(i, j);
        }
        order
    }

    /// PyTorch's `random_()` of a 64-bit integer: what seeds its loaders.
    pub fn torch_i64(&mut self) -> i64 {
        (self.u64() & (u64::MAX >> 1)) as i64
    }
}
