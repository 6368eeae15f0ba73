//! A sound little her2st section in a folder, for tests that break one thing of it.
#![allow(dead_code, reason = "each test file uses its own part of it")]
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Write;
use std::path::{Path, PathBuf};

/// A sound little section: 4 x 3 spots, 3 genes, an image of 1600 x 1700 pixels.
pub struct Fixture {
    root: PathBuf,
    pub counts: String,
    pub spots: String,
    // Removed with the value; none where the folder is the test's own.
    _dir: Option<tempfile::TempDir>,
}

pub fn gz(text: &str) -> Vec<u8> {
    let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    e.write_all(text.as_bytes()).unwrap();
    e.finish().unwrap()
}

pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let pixels: Vec<u8> = (0..width * height * 3).map(|i| 150 + (i / 997 % 90) as u8).collect();
    let mut out = Vec::new();
    image::codecs::jpeg::JpegEncoder::new(&mut out).encode(&pixels, width, height, image::ExtendedColorType::Rgb8).unwrap();
    out
}

impl Fixture {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::at(dir.path().to_owned(), Some(dir))
    }
    /// The same below a given folder.
    pub fn at(root: PathBuf, dir: Option<tempfile::TempDir>) -> Self {
        let (mut counts, mut spots) = ("\tAA\tBB\tCC\n".to_owned(), "x\ty\tnew_x\tnew_y\tpixel_x\tpixel_y\tselected\n".to_owned());
        for x in 2..6 {
            for y in 3..6 {
                counts.push_str(&format!("{x}x{y}\t{}\t0\t{}\n", x + y, x * y));
                let (nx, ny) = (f64::from(x) + 0.05, f64::from(y) - 0.05);
                spots.push_str(&format!("{x}\t{y}\t{nx:.2}\t{ny:.2}\t{:.2}\t{:.2}\t1\n", (nx - 1.0) * 50.0, (ny - 1.0) * 50.0));
            }
        }
        let f = Self { root, counts, spots, _dir: dir };
        for folder in ["ST-cnts", "ST-spotfiles", "ST-imgs/C/C2"] {
            std::fs::create_dir_all(f.place(folder)).unwrap();
        }
        f.write("ST-imgs/C/C2/one.jpg", &jpeg(1600, 1700));
        f
    }
    pub fn place(&self, inner: &str) -> PathBuf {
        self.root.join("her2st/data").join(inner)
    }
    pub fn write(&self, inner: &str, bytes: &[u8]) {
        std::fs::write(self.place(inner), bytes).unwrap();
    }
    pub fn root(&self) -> &Path {
        &self.root
    }
    pub fn tables(&self) {
        self.write("ST-cnts/C2.tsv.gz", &gz(&self.counts));
        self.write("ST-spotfiles/C2_selection.tsv", self.spots.as_bytes());
    }
}
