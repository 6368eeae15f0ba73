//! What is known of the published files: digests, sizes, names. Digests of matrices and images are not known.

use crate::base::Digest;

/// The slides, in the published order.
pub const SLIDES: [&str; 4] = ["1", "2", "3", "4"];
/// The donor of all four.
pub const DONOR: &str = "C73";
/// Features in every slide, and genes in the published union.
pub const GENES: (usize, usize) = (36_601, 3_467);

/// The published facts of one slide.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// `1` to `4`.
    pub slide: &'static str,
    /// The chip, such as `A1`.
    pub chip: &'static str,
    /// GEO's accession of the sample.
    pub sample: &'static str,
    /// Spots in tissue.
    pub spots: usize,
    barcodes: (&'static str, u64),
    positions: (&'static str, u64),
}

impl Known {
    /// Digest and size of the file in a role: `barcodes`, `spots`, `features`, `panel`.
    pub fn published(&self, role: &str) -> Option<(Digest, u64)> {
        let (hex, bytes) = match role {
            "barcodes" => self.barcodes,
            "spots" => self.positions,
            "features" => ("28fa7d6a0994e5fe6c1d2a39a3363ee1655916481e3ee240efd6cc8a361959c9", 1_479_171),
            "panel" => ("2c4f1a763ef52e285c64adddf71435508ec399eac25ac3443b7df3b22da60824", 36_729),
            _ => return None,
        };
        Digest::parse(hex).ok().map(|d| (d, bytes))
    }

    /// The names under which the image is found.
    pub fn images(&self) -> Vec<String> {
        let stem = format!("GEX_C73_{}_Merged", self.chip);
        ["tiff", "tif"].iter().flat_map(|e| [format!("{}_{stem}.{e}", self.sample), format!("{stem}.{e}")]).collect()
    }
}

/// The facts of a slide.
pub fn known(slide: &str) -> Option<Known> {
    TABLE.iter().find(|k| k.slide == slide).copied()
}

const TABLE: [Known; 4] = [
    Known {
        slide: "1",
        chip: "A1",
        sample: "GSM7697868",
        spots: 2378,
        barcodes: ("fa67cac11e6a599a81ca05673985a629c3476eed84b069b9399647990a2df1cb", 45_182),
        positions: ("75ed73681f34908278a97b8ae08fe7943d4c6095da2aa862733be876b56ed5d4", 191_022),
    },
    Known {
        slide: "2",
        chip: "B1",
        sample: "GSM7697869",
        spots: 2349,
        barcodes: ("acfe745387255ff8b3903140472e0bd30a5d0bb39d9580314c353cbe11f2be10", 44_631),
        positions: ("b44a1a8eb9ddc591711a1bc25e33dc052681eece6cb345cd7d95877b91bba5b3", 191_022),
    },
    Known {
        slide: "3",
        chip: "C1",
        sample: "GSM7697870",
        spots: 2277,
        barcodes: ("509fbfd720de7a9b40cb49068bfda05ba034814561108e1ee2fbbe6bb9e5b117", 43_263),
        positions: ("931c9e7e15d2486715ee267d14172499d1f7ae1336a99677b1704810e46e4e3e", 191_096),
    },
    Known {
        slide: "4",
        chip: "D1",
        sample: "GSM7697871",
        spots: 2265,
        barcodes: ("fe2fa2056e78ce27ea829e280b4836e9e1d05fe0157450ca81e8561a9c1b3d08", 43_035),
        positions: ("700af96812d537427d9acfa67a389692a952ef3357fcbd6782b87ef5774a746e", 191_022),
    },
];
