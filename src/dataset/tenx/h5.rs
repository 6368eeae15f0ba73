//! `*_feature_bc_matrix.h5` of Cell Ranger 3 and later, and of Space Ranger: spec/datasets.md, section 3.4.
//!
//! The file holds features x barcodes in compressed columns, which is barcodes x features in compressed rows: the
//! three arrays are taken as they stand, and only the order within a row is mended where it has to be.

use super::{Feature, FeatureMatrix, barcodes, features};
use crate::base::{Failure, Result};
use crate::dataset::hdf5::{self, Hdf5Source};
use crate::dataset::model::Counts;
use crate::dataset::sniff::{Format, sniff};
use crate::dataset::table::wrong_format;

/// Reads the file's bytes. Codes: G05, G17, G19, V11, V12, V13, V14, V15, V16, and those of [`barcodes`] and [`features`].
pub fn read(bytes: Vec<u8>, shown: &str) -> Result<FeatureMatrix> {
    match sniff(&bytes) {
        Format::Hdf5 => {}
        other => return Err(wrong_format(other, "HDF5", shown)),
    }
    let file = hdf5::open(bytes, shown)?;
    check_layout(&file, shown)?;
    let barcodes = barcodes::check(file.strings("/matrix/barcodes")?, &format!("{shown}: /matrix/barcodes"))?;
    let features = read_features(&file, shown)?;
    let counts = read_counts(&file, barcodes.len(), features.len(), shown)?;
    Ok(FeatureMatrix { barcodes, features, counts })
}

/// Tells the newer layout from what else 10x calls `.h5` (V11).
fn check_layout(file: &impl Hdf5Source, shown: &str) -> Result<()> {
    let (groups, arrays) = file.members("/")?;
    if groups.iter().any(|g| g == "matrix") {
        return Ok(());
    }
    let what = if arrays.iter().any(|a| a == "barcode_idx" || a == "umi") {
        "this is molecule_info.h5, which lists molecules".to_owned()
    } else if let Some(genome) = groups.iter().find(|g| file.members(g).is_ok_and(|m| m.1.iter().any(|a| a == "gene_names"))) {
        format!("this is the layout of Cell Ranger 2, with the group '{}' for its genome", crate::base::text::clean(genome))
    } else {
        "the group 'matrix' is missing".to_owned()
    };
    Err(Failure::input(format!("{what} (V11)"))
        .at(shown)
        .hint("filtered_feature_bc_matrix.h5 of Space Ranger, or of Cell Ranger 3 and later, is due"))
}

fn read_features(file: &impl Hdf5Source, shown: &str) -> Result<Vec<Feature>> {
    let at = format!("{shown}: /matrix/features");
    let column = |name: &str| file.strings(&format!("/matrix/features/{name}"));
    let (ids, names, kinds) = (column("id")?, column("name")?, column("feature_type")?);
    let has_genome = file.members("/matrix/features")?.1.iter().any(|n| n == "genome");
    let genomes = if has_genome { column("genome")? } else { Vec::new() };
    if names.len() != ids.len() || kinds.len() != ids.len() || (has_genome && genomes.len() != ids.len()) {
        let text = format!("{} ids, {} names, {} kinds and {} genomes (V16)", ids.len(), names.len(), kinds.len(), genomes.len());
        return Err(Failure::input(text).at(at));
    }
    let mut genomes = genomes.into_iter();
    let zipped = ids.into_iter().zip(names).zip(kinds);
    let out: Vec<Feature> =
        zipped.map(|((id, symbol), kind)| Feature { id, symbol, kind, genome: genomes.next().filter(|g| !g.is_empty()) }).collect();
    features::check(&out, &at)?;
    Ok(out)
}

fn read_counts(file: &impl Hdf5Source, spots: usize, genes: usize, shown: &str) -> Result<Counts> {
    let at = |part: &str| format!("{shown}: /matrix/{part}");
    let shape = file.integers("/matrix/shape")?;
    let indptr = file.integers("/matrix/indptr")?;
    if shape.len() != 2 {
        return Err(Failure::input(format!("{} numbers where 2 are due (V12)", shape.len())).at(at("shape")));
    }
    if shape == [spots as i64, genes as i64] && indptr.len() == genes + 1 && spots != genes {
        return Err(Failure::input(format!("the matrix is stored the other way round, as {spots} barcodes x {genes} features (V12)"))
            .at(at("shape"))
            .hint("10x stores features x barcodes in compressed columns; write it so, or transpose"));
    }
    if shape[0] != genes as i64 {
        return Err(Failure::input(format!("{genes} features where the shape says {} (V16)", shape[0])).at(at("features/id")));
    }
    if shape[1] != spots as i64 || indptr.len() != spots + 1 {
        let text = format!("{spots} barcodes and {} column starts where the shape says {} barcodes (V12)", indptr.len(), shape[1]);
        return Err(Failure::input(text).at(at("indptr")));
    }
    let (indices, values) = (file.integers("/matrix/indices")?, file.integers("/matrix/data")?);
    let whole = indptr.first() == Some(&0) && indptr.last() == Some(&(values.len() as i64)) && indices.len() == values.len();
    if !whole || indptr.windows(2).any(|w| w[1] < w[0]) {
        let text = format!("column starts fall, or do not end at the {} counts (V13)", values.len());
        return Err(Failure::input(text).at(at("indptr")));
    }
    let mut counts = Counts::new();
    let mut row: Vec<(u32, u32)> = Vec::new();
    for spot in 0..spots {
        row.clear();
        for i in indptr[spot] as usize..indptr[spot + 1] as usize {
            let gene = usize::try_from(indices[i]).ok().filter(|&g| g < genes).ok_or_else(|| {
                Failure::input(format!("feature index {} where {genes} features are (V14)", indices[i]))
                    .at(format!("{}[{i}]", at("indices")))
            })?;
            row.push((gene as u32, count(values[i], || format!("{}[{i}]", at("data")))?));
        }
        row.sort_unstable_by_key(|r| r.0);
        if let Some(w) = row.windows(2).find(|w| w[0].0 == w[1].0) {
            return Err(Failure::input(format!("barcode {} has two counts for feature {} (V15)", spot + 1, w[0].0)).at(at("indices")));
        }
        counts.push_row(row.iter().copied());
    }
    Ok(counts)
}

/// A count as pinfold holds it (G17, G19).
pub(super) fn count(value: i64, at: impl Fn() -> String) -> Result<u32> {
    if value < 0 {
        return Err(Failure::input(format!("a negative count, {value} (G17)")).at(at()));
    }
    u32::try_from(value).map_err(|_| Failure::input(format!("a count above 4294967295: {value} (G19)")).at(at()))
}
