//! `pinfold calc patches`: the squares round given centres, cut from an image as a run cuts them.

use crate::base::Result;
use crate::cli::output;
use crate::stage::patches::cut_file;
use crate::stats::table::Table;
use std::path::PathBuf;

/// Arguments of `calc patches`.
#[derive(clap::Args)]
pub struct Args {
    /// The image: TIFF or BigTIFF (read block by block), JPEG or PNG.
    image: PathBuf,
    /// A table (comma-separated, or .tsv) with the columns x and y: centres in pixels.
    #[arg(long, value_name = "FILE")]
    centres: PathBuf,
    /// Side of the squares in pixels.
    #[arg(long, default_value_t = 224)]
    size: usize,
    /// The safetensors file to write: `patches`, centres x size x size x 3, red, green, blue. Parts beyond the image are white.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Cuts the patches and prints the file's digest.
pub fn run(args: Args) -> Result<()> {
    let table = Table::read(&args.centres)?;
    let (x, y) = (table.numbers(table.column("x")?)?, table.numbers(table.column("y")?)?);
    let centres: Vec<(f64, f64)> = x.into_iter().zip(y).collect();
    let digest = cut_file(&args.image, &centres, args.size, &args.out)?;
    output::print(&format!("{} patches  sha256 {digest}\n", centres.len()))
}
