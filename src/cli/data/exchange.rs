//! `pinfold data import` and `export`: to and from the published table with its folder of patches.

use crate::base::arrays::Arrays;
use crate::base::text::thousands;
use crate::base::{Failure, IoContext, Result};
use crate::cli::{Here, output};
use crate::dataset::imported::{self, Export};
use crate::plan::{Found, Graph};
use crate::protocol;
use crate::protocol::schema::Dataset;
use crate::stage::files::Expression;
use crate::stage::ingest::Ingest;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(super) struct ImportArgs {
    /// The table, such as dataset.csv; its patches are found by its column 'path'.
    table: PathBuf,
    /// The folder to write, below PINFOLD_DATA (else ./data).
    #[arg(long, value_name = "NAME")]
    to: String,
    /// A file with the genes, one a line: any other column, and a gene without a column, is then an error.
    #[arg(long, value_name = "FILE")]
    genes: Option<PathBuf>,
}

#[derive(clap::Args)]
pub(super) struct ExportArgs {
    /// The protocol, by name or path, whose slides, values and patches are written; run it first.
    protocol: String,
    /// The folder to write.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Overrides of the run.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Mend a quirk of published code by its id, e.g. T1 ('pinfold quirks PROTOCOL' lists them). Can be repeated.
    #[arg(long, value_name = "ID")]
    without: Vec<String>,
}

/// Imports a table, and prints the keys with which a protocol reads it.
pub(super) fn import(args: &ImportArgs) -> Result<()> {
    let sound = !args.to.starts_with('/') && args.to.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !sound {
        return Err(Failure::input(format!("'{}' is no folder below the data root", args.to)).at("--to"));
    }
    let genes: Option<Vec<String>> = match &args.genes {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path).doing("read", path)?;
            Some(text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect())
        }
    };
    let found = imported::import(&args.table, &super::root().join(&args.to), genes.as_deref())?;
    let spots: usize = found.slides.iter().map(|s| s.1).sum();
    let names: Vec<String> = found.slides.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let mut out = format!(
        "{} spots on {} slides, {} genes, patches of {} pixels\ntable    {}\npatches  {} (of their sorted listing)\n",
        thousands(spots as u64),
        found.slides.len(),
        thousands(found.genes as u64),
        found.side,
        found.table,
        found.patches
    );
    found.findings.iter().for_each(|f| out.push_str(&format!("note: {} ({})\n", f.text, f.code)));
    out.push_str(&format!(
        "\n[data]\ndataset = \"imported\"\nslides = [{}]\n\n[data.imported]\nfolder = \"{}\"\n\n[genes]\nrule = \"published\"\n\n[expression]\ntransform = \"given\"\n",
        names.join(", "),
        args.to
    ));
    output::print(&out)
}

/// Exports what a protocol's ingest, preprocess and patches made.
pub(super) fn export(at: &Here, args: &ExportArgs) -> Result<()> {
    let workspace = at.workspace()?;
    let loaded = protocol::load(&workspace.protocol_path(&args.protocol)?, &protocol::quirks::without(&args.without, &args.overrides)?)?;
    let p = &loaded.protocol;
    let graph = Graph::new(&workspace, p);
    let found = graph.look(&workspace.store())?;
    let folder = |label: &str| -> Result<PathBuf> {
        let done = graph.nodes.iter().zip(&found).find_map(|(node, found)| match found {
            Found::Done(artifact) if node.label == label => Some(artifact.dir.clone()),
            _ => None,
        });
        done.ok_or_else(|| Failure::input(format!("{} has no {label} yet", loaded.name())).hint(format!("pinfold run {}", loaded.name())))
    };
    let (ingest, preprocess, patches) = (folder("ingest")?, folder("preprocess")?, folder("patches")?);
    let slides = Ingest::load(&ingest)?;
    let expression = Expression::read(&preprocess)?;
    let arrays = Arrays::open(&Path::new(&patches).join("patches.safetensors"))?;
    let ids = match p.data.dataset {
        Dataset::Imported => slides.iter().flat_map(|s| s.spots.iter().map(|spot| spot.id.clone())).collect(),
        kind => imported::published_ids(&slides, kind == Dataset::Gse240429),
    };
    let what = Export {
        slides: &slides,
        ids,
        genes: &expression.genes,
        values: &expression.values,
        patches: arrays.u8s("patches")?,
        side: p.patch.resize,
    };
    imported::export(&what, &args.to)?;
    let shown = args.to.display();
    output::print(&format!("{} rows, {} genes: {shown}/dataset.csv and {shown}/train/\n", expression.spots.len(), expression.genes.len()))
}
