//! Small slides written in the real layouts: positions synthetic or taken from real files, image and counts synthetic.
#![allow(clippy::unwrap_used, dead_code, missing_docs, reason = "each test file uses its own part of it")]

use std::io::Write;
use std::path::Path;

/// One place of the array.
#[derive(Clone, Debug)]
pub struct At {
    pub barcode: String,
    pub tissue: bool,
    pub row: i32,
    pub col: i32,
    pub y: i64,
    pub x: i64,
}

/// A small slide: all places of a piece of the array, its image, its genes.
pub struct Small {
    pub places: Vec<At>,
    pub width: u32,
    pub height: u32,
    pub genes: Vec<(String, String)>,
    pub seed: u64,
}

/// A number from 0 to 2^32 that depends on all of these: splitmix64's finaliser.
pub fn hash(parts: &[u64]) -> u64 {
    parts.iter().fold(0x9e37_79b9_7f4a_7c15, |h, p| {
        let mut z = h ^ p.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }) >> 32
}

pub fn barcode(n: u64, seed: u64) -> String {
    let h = hash(&[n, seed]);
    let bases: String = (0..16).map(|k| ['A', 'C', 'G', 'T'][((h >> (2 * k)) & 3) as usize]).collect();
    format!("{bases}-1")
}

impl Small {
    /// `rows` array rows of `cols` places each, `pitch` pixels apart; the outermost places are off the tissue.
    pub fn new(rows: i32, cols: i32, pitch: i64, seed: u64) -> Self {
        let mut places = Vec::new();
        for row in 0..rows {
            for i in 0..cols {
                let col = 2 * i + row % 2;
                let (x, y) = (pitch + i64::from(col) * pitch / 2, pitch + i64::from(row) * pitch * 87 / 100);
                let tissue = row > 0 && row + 1 < rows && i > 0 && i + 1 < cols;
                places.push(At { barcode: barcode(places.len() as u64, seed), tissue, row, col, y, x });
            }
        }
        Self::of(places, seed)
    }

    /// The real places of a `tissue_positions_list` file, pixels divided by `shrink` so that the image stays small.
    pub fn real(positions: &Path, shrink: i64, seed: u64) -> Self {
        let text = std::fs::read_to_string(positions).unwrap();
        let places = text.lines().map(|l| {
            let c: Vec<&str> = l.split(',').collect();
            let n = |i: usize| c[i].parse::<i64>().unwrap();
            At { barcode: c[0].into(), tissue: c[1] == "1", row: n(2) as i32, col: n(3) as i32, y: n(4) / shrink, x: n(5) / shrink }
        });
        Self::of(places.collect(), seed)
    }

    fn of(places: Vec<At>, seed: u64) -> Self {
        let most = |f: fn(&At) -> i64| places.iter().map(f).max().unwrap_or(0);
        let (width, height) = (most(|p| p.x) as u32 + 40, most(|p| p.y) as u32 + 40);
        // One symbol twice, as real references have it.
        let genes = (0..12).map(|g| (format!("ENSG{g:011}"), if g == 5 { "GENE2".into() } else { format!("GENE{g}") })).collect();
        Self { places, width, height, genes, seed }
    }

    /// Spots on tissue, sorted by barcode as Space Ranger writes them.
    pub fn tissue(&self) -> Vec<&At> {
        let mut out: Vec<&At> = self.places.iter().filter(|p| p.tissue).collect();
        out.sort_by(|a, b| a.barcode.cmp(&b.barcode));
        out
    }

    /// Red, green, blue of a pixel: a slow wave with a little noise.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let wave = 128.0 + 90.0 * (f64::from(x) / 37.0 + self.seed as f64).sin() * (f64::from(y) / 53.0).cos();
        let noise = hash(&[u64::from(x), u64::from(y), self.seed]) % 9;
        [wave as u8, (wave / 2.0) as u8 + noise as u8, (255.0 - wave) as u8]
    }

    pub fn pixels(&self) -> Vec<u8> {
        (0..self.height).flat_map(|y| (0..self.width).flat_map(move |x| self.pixel(x, y))).collect()
    }

    /// The count of a gene in a spot: half the genes follow the image's red.
    pub fn count(&self, spot: &At, gene: usize) -> u64 {
        let red = u64::from(self.pixel(spot.x as u32, spot.y as u32)[0]);
        let chance = hash(&[spot.row as u64, spot.col as u64, gene as u64, self.seed]) % 4;
        if gene.is_multiple_of(2) { red / (8 + gene as u64) + chance } else { chance * gene as u64 }
    }

    pub fn positions(&self, header: bool) -> String {
        let head = if header { "barcode,in_tissue,array_row,array_col,pxl_row_in_fullres,pxl_col_in_fullres\n" } else { "" };
        let line = |p: &At| format!("{},{},{},{},{},{}\n", p.barcode, u8::from(p.tissue), p.row, p.col, p.y, p.x);
        head.to_owned() + &self.places.iter().map(line).collect::<String>()
    }

    pub fn features(&self) -> String {
        self.genes.iter().map(|(id, symbol)| format!("{id}\t{symbol}\tGene Expression\n")).collect()
    }

    pub fn mtx(&self) -> String {
        let mut entries = String::new();
        let mut n = 0;
        for (s, spot) in self.tissue().iter().enumerate() {
            for g in 0..self.genes.len() {
                let c = self.count(spot, g);
                if c > 0 {
                    entries.push_str(&format!("{} {} {c}\n", g + 1, s + 1));
                    n += 1;
                }
            }
        }
        format!("%%MatrixMarket matrix coordinate integer general\n%\n{} {} {n}\n{entries}", self.genes.len(), self.tissue().len())
    }

    pub fn barcodes(&self) -> String {
        self.tissue().iter().map(|p| format!("{}\n", p.barcode)).collect()
    }

    pub fn write_tiff(&self, path: &Path) {
        let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
        let mut encoder = tiff::encoder::TiffEncoder::new(&mut file).unwrap();
        encoder.write_image::<tiff::encoder::colortype::RGB8>(self.width, self.height, &self.pixels()).unwrap();
    }

    /// A Space Ranger folder with `outs/`: version 1 has plain old names, version 2 the new ones with gzip.
    pub fn space_ranger(&self, folder: &Path, version: u8) {
        let (spatial, matrix) = (folder.join("outs/spatial"), folder.join("outs/filtered_feature_bc_matrix"));
        std::fs::create_dir_all(&spatial).unwrap();
        std::fs::create_dir_all(&matrix).unwrap();
        let name = if version == 1 { "tissue_positions_list.csv" } else { "tissue_positions.csv" };
        std::fs::write(spatial.join(name), self.positions(version != 1)).unwrap();
        let step = (self.places[1].x - self.places[0].x).max(self.places[1].y - self.places[0].y) as f64;
        let factors = format!(
            "{{\"spot_diameter_fullres\": {}, \"tissue_hires_scalef\": 0.08, \"fiducial_diameter_fullres\": 99.5, \"tissue_lowres_scalef\": 0.02}}",
            step * 0.65
        );
        std::fs::write(spatial.join("scalefactors_json.json"), factors).unwrap();
        // Space Ranger's own small image must not be taken for the slide.
        std::fs::write(spatial.join("tissue_hires_image.png"), b"\x89PNG small").unwrap();
        for (name, text) in [("barcodes.tsv", self.barcodes()), ("features.tsv", self.features()), ("matrix.mtx", self.mtx())] {
            if version == 1 {
                std::fs::write(matrix.join(name), text).unwrap();
            } else {
                let file = std::fs::File::create(matrix.join(format!("{name}.gz"))).unwrap();
                let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
                gz.write_all(text.as_bytes()).unwrap();
                gz.finish().unwrap();
            }
        }
        self.write_tiff(&folder.join("full.tif"));
    }

    /// One slide of GSE240429 below `root`, with every second gene in the union, and values that tell spot and gene.
    pub fn gse240429(&self, root: &Path, slide: &str, chip: &str) {
        let (tables, positions) = (root.join("gse240429/filtered_expression_matrices"), root.join("gse240429/tissue_pos_matrices"));
        let (own, image) = (tables.join(slide), root.join("gse240429/image"));
        for dir in [&own, &positions, &image] {
            std::fs::create_dir_all(dir).unwrap();
        }
        std::fs::write(positions.join(format!("tissue_positions_list_{slide}.csv")), self.positions(false)).unwrap();
        for (name, text) in [("barcodes.tsv", self.barcodes()), ("features.tsv", self.features()), ("matrix.mtx", self.mtx())] {
            std::fs::write(own.join(name), text).unwrap();
        }
        let mask: Vec<u8> = (0..self.genes.len()).map(|g| u8::from(g % 2 == 0)).collect();
        std::fs::write(tables.join("hvg_union.npy"), npy("|b1", &format!("({},)", mask.len()), &mask)).unwrap();
        let (genes, spots) = (mask.iter().filter(|m| **m == 1).count(), self.tissue().len());
        let values: Vec<u8> = (0..genes).flat_map(|g| (0..spots).flat_map(move |s| harmony(g, s).to_le_bytes())).collect();
        std::fs::write(own.join("harmony_matrix.npy"), npy("<f4", &format!("({genes}, {spots})"), &values)).unwrap();
        self.write_tiff(&image.join(format!("GEX_C73_{chip}_Merged.tif")));
    }
}

/// The value that [`Small::gse240429`] gives gene `g` of the union in the spot with line `s` of `barcodes.tsv`.
pub fn harmony(g: usize, s: usize) -> f32 {
    ((s as f32 * 0.37 + g as f32).sin() - 0.25) * 1.5
}

/// The bytes of a NumPy array file, version 1.
pub fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let mut head = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    while (10 + head.len() + 1) % 64 != 0 {
        head.push(' ');
    }
    head.push('\n');
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend_from_slice(&(head.len() as u16).to_le_bytes());
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(data);
    out
}
