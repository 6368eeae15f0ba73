//! `pinfold calc`: our numbers on anybody's files, so that an outsider can hold them against another program's.

mod clusters;
#[cfg(feature = "train")]
mod forward;
mod moran;
mod patches;
mod pcc;
mod split;

use crate::base::Result;

/// Arguments of `calc`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// A train/test split or folds, bit for bit as scikit-learn makes them.
    Split(split::Args),
    /// Pearson correlation per gene between two tables.
    Pcc(pcc::Args),
    /// Moran's I per gene of a table with coordinates.
    Moran(moran::Args),
    /// Clusters of points (HDBSCAN), or given ones, and how well they part.
    Clusters(clusters::Args),
    /// The squares round given centres, cut from an image of any size.
    Patches(patches::Args),
    /// What a network gives for prepared inputs.
    #[cfg(feature = "train")]
    Forward(forward::Args),
}

/// Runs the chosen calculation.
pub fn run(args: Args) -> Result<()> {
    match args.what {
        What::Split(args) => split::run(args),
        What::Pcc(args) => pcc::run(args),
        What::Moran(args) => moran::run(args),
        What::Clusters(args) => clusters::run(args),
        What::Patches(args) => patches::run(args),
        #[cfg(feature = "train")]
        What::Forward(args) => forward::run(args),
    }
}
