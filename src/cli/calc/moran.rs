//! `pinfold calc moran`: Moran's I per gene of a table with coordinates.

use crate::base::{Failure, Result};
use crate::cli::output::{self, Side};
use crate::stats::lattice::{HEX, QUEEN, ROOK, lattice};
use crate::stats::moran::Graph;
use crate::stats::permutation::moran_p;
use crate::stats::table::Table;
use crate::stats::{Moran, Transform, Weights, nearest};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

/// Headers of a first column that names spots, even where the names are numbers.
const ID_NAMES: [&str; 7] = ["", "id", "spot", "spot_id", "barcode", "index", "unnamed: 0"];

/// Arguments of `calc moran`.
#[derive(clap::Args)]
pub struct Args {
    /// A table (comma-separated, or .tsv) with one row a spot: coordinates, genes, and perhaps the spots' names
    /// in the first column.
    #[arg(long, value_name = "FILE")]
    table: PathBuf,
    /// The column of x; for grid4, grid8 and hex the spot's column on the array.
    #[arg(long, value_name = "COL")]
    x: String,
    /// The column of y; for grid4, grid8 and hex the spot's row on the array.
    #[arg(long, value_name = "COL")]
    y: String,
    /// Who is a neighbour: knn:K (the K nearest, ties by row), radius:R (at most R away), grid4 or grid8 (on a
    /// square array, without or with corners), hex (on Visium's array: two columns along, or one column and one row).
    #[arg(long, value_name = "RULE")]
    weights: Rule,
    /// Make each spot's weights sum to 1.
    #[arg(long)]
    row_standardise: bool,
    /// Lay the values out anew this many times, for p_perm (one-sided, for positive autocorrelation).
    #[arg(long, value_name = "P", default_value_t = 0)]
    permutations: usize,
    /// Seed of the permutations.
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Print JSON: {"genes":{"NAME":{"I","expected","z_norm","p_norm","z_rand","p_rand","p_perm"}}, ...}.
    #[arg(long)]
    json: bool,
}

/// Who is a neighbour.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    Knn(usize),
    Radius(f64),
    Grid4,
    Grid8,
    Hex,
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (word, number) = text.split_once(':').map_or((text, None), |(w, n)| (w, Some(n)));
        match (word, number) {
            ("knn", Some(k)) => {
                k.parse().ok().filter(|&k| k > 0).map(Self::Knn).ok_or_else(|| format!("'{k}' is not a number of neighbours; write knn:6"))
            }
            ("radius", Some(r)) => r
                .parse()
                .ok()
                .filter(|r: &f64| r.is_finite() && *r > 0.0)
                .map(Self::Radius)
                .ok_or_else(|| format!("'{r}' is not a distance; write radius:150")),
            ("grid4", None) => Ok(Self::Grid4),
            ("grid8", None) => Ok(Self::Grid8),
            ("hex", None) => Ok(Self::Hex),
            _ => Err(format!("'{text}' is none of knn:K, radius:R, grid4, grid8, hex")),
        }
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Knn(k) => write!(f, "knn:{k}"),
            Self::Radius(r) => write!(f, "radius:{r}"),
            Self::Grid4 => f.write_str("grid4"),
            Self::Grid8 => f.write_str("grid8"),
            Self::Hex => f.write_str("hex"),
        }
    }
}

/// Prints each gene's Moran's I with scores and two-sided p under both assumptions.
pub fn run(args: Args) -> Result<()> {
    let table = Table::read(&args.table)?;
    let (x, y) = (table.column(&args.x)?, table.column(&args.y)?);
    if x == y {
        return Err(Failure::input(format!("--x and --y are the same column, '{}'", args.x)));
    }
    let (genes, named) = gene_columns(&table, x, y)?;
    let transform = if args.row_standardise { Transform::Rows } else { Transform::Keep };
    let graph = Graph::new(weights(&table, x, y, args.weights)?.transformed(transform));
    if graph.weights().edges() == 0 {
        return Err(Failure::input(format!("no spot has a neighbour under {}", args.weights))
            .at(table.path().to_owned())
            .hint("check --x and --y, or choose other weights"));
    }
    let columns: Vec<Vec<f64>> = genes.iter().map(|&g| table.numbers(g)).collect::<Result<_>>()?;
    let found = graph.moran_all(columns.len(), |spot, gene| columns[gene][spot]);
    let p = (args.permutations > 0).then(|| moran_p(&graph, columns.len(), |spot, gene| columns[gene][spot], args.permutations, args.seed));
    if !named {
        output::say("note: every column but x and y is taken for a gene, the first too");
    }
    let names: Vec<&str> = genes.iter().map(|&g| table.header()[g].as_str()).collect();
    if args.json {
        output::json(&as_json(&args, &graph, &names, &found, p.as_deref()))
    } else {
        output::print(&as_table(&args, &graph, &names, &found, p.as_deref()))
    }
}

/// The genes' columns, and whether the first column is the spots' names: it is when its header says so, or when
/// it does not begin with a number.
fn gene_columns(table: &Table, x: usize, y: usize) -> Result<(Vec<usize>, bool)> {
    let first_names = ID_NAMES.contains(&table.header()[0].to_lowercase().as_str()) || table.text(0, 0).parse::<f64>().is_err();
    let named = x != 0 && y != 0 && first_names;
    let genes: Vec<usize> = (0..table.header().len()).filter(|&c| c != x && c != y && !(c == 0 && named)).collect();
    if genes.is_empty() {
        return Err(Failure::input("there is no gene beside the coordinates").at(format!("{}:1", table.path())));
    }
    Ok((genes, named || x == 0 || y == 0))
}

fn weights(table: &Table, x: usize, y: usize, rule: Rule) -> Result<Weights> {
    let steps: &[(i32, i32)] = match rule {
        Rule::Knn(k) => {
            let points = points(table, x, y)?;
            if k >= points.len() {
                return Err(Failure::input(format!("{k} neighbours of each of {} spots", points.len()))
                    .at(table.path().to_owned())
                    .hint("ask for fewer"));
            }
            return Ok(nearest::knn(&points, k));
        }
        Rule::Radius(r) => return Ok(nearest::band(&points(table, x, y)?, r)),
        Rule::Grid4 => &ROOK,
        Rule::Grid8 => &QUEEN,
        Rule::Hex => &HEX,
    };
    let (columns, rows) = (whole(table, x)?, whole(table, y)?);
    let places: Vec<(i32, i32)> = columns.into_iter().zip(rows).collect();
    let mut seen = BTreeMap::new();
    for (row, place) in places.iter().enumerate() {
        if seen.insert(place, row).is_some() {
            return Err(
                Failure::input(format!("a second spot at column {}, row {} of the array", place.0, place.1)).at(table.place(row, x))
            );
        }
    }
    Ok(lattice(&places, steps))
}

fn points(table: &Table, x: usize, y: usize) -> Result<Vec<(f64, f64)>> {
    let finite = |column: usize| -> Result<Vec<f64>> {
        let numbers = table.numbers(column)?;
        match numbers.iter().position(|v| !v.is_finite()) {
            Some(row) => Err(Failure::input(format!("the coordinate is {}", numbers[row])).at(table.place(row, column))),
            None => Ok(numbers),
        }
    };
    Ok(finite(x)?.into_iter().zip(finite(y)?).collect())
}

fn whole(table: &Table, column: usize) -> Result<Vec<i32>> {
    let bounds = f64::from(i32::MIN)..=f64::from(i32::MAX);
    let one = |(row, v): (usize, f64)| {
        if v.fract() == 0.0 && bounds.contains(&v) {
            return Ok(v as i32);
        }
        Err(Failure::input(format!("'{}' is not a whole array coordinate", table.text(row, column)))
            .at(table.place(row, column))
            .hint("grid4, grid8 and hex read the array's columns and rows; for pixels use knn:K or radius:R"))
    };
    table.numbers(column)?.into_iter().enumerate().map(one).collect()
}

fn as_json(args: &Args, graph: &Graph, names: &[&str], found: &[Option<Moran>], p: Option<&[Option<f64>]>) -> Value {
    let spots = graph.weights().len();
    let mut genes = Map::new();
    for (g, name) in names.iter().enumerate() {
        let m = found[g];
        let mut entry = json!({
            "I": m.map(|m| m.i),
            "expected": -1.0 / (spots as f64 - 1.0),
            "z_norm": m.and_then(|m| m.z_norm()),
            "p_norm": m.and_then(|m| m.p_norm()),
            "z_rand": m.and_then(|m| m.z_rand()),
            "p_rand": m.and_then(|m| m.p_rand()),
        });
        if let Some(p) = p {
            entry["p_perm"] = json!(p[g]);
        }
        genes.insert((*name).to_owned(), entry);
    }
    let mut out = json!({
        "genes": genes,
        "spots": spots,
        "weights": args.weights.to_string(),
        "row_standardised": args.row_standardise,
        "edges": graph.weights().edges(),
        "islands": graph.weights().islands(),
    });
    if p.is_some() {
        out["permutations"] = json!(args.permutations);
        out["seed"] = json!(args.seed);
    }
    out
}

fn as_table(args: &Args, graph: &Graph, names: &[&str], found: &[Option<Moran>], p: Option<&[Option<f64>]>) -> String {
    let small =
        |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| if v > 0.0 && v < 1e-4 { format!("{v:.2e}") } else { format!("{v:.4}") });
    let plain = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
    let mut header = vec![
        ("gene", Side::Left),
        ("I", Side::Right),
        ("z norm", Side::Right),
        ("p norm", Side::Right),
        ("z rand", Side::Right),
        ("p rand", Side::Right),
    ];
    if p.is_some() {
        header.push(("p perm", Side::Right));
    }
    let row = |(g, name): (usize, &&str)| {
        let m = found[g];
        let (norm, rand) = (m.and_then(|m| m.z_norm()), m.and_then(|m| m.z_rand()));
        let mut cells = vec![
            (*name).to_owned(),
            plain(m.map(|m| m.i)),
            plain(norm),
            small(m.and_then(|m| m.p_norm())),
            plain(rand),
            small(m.and_then(|m| m.p_rand())),
        ];
        if let Some(p) = p {
            cells.push(small(p[g]));
        }
        cells
    };
    let rows: Vec<Vec<String>> = names.iter().enumerate().map(row).collect();
    let w = graph.weights();
    let standard = if args.row_standardise { "row-standardised" } else { "binary" };
    let expected = -1.0 / (w.len() as f64 - 1.0);
    let note = format!(
        "\n{} spots, {} {standard}, {} neighbours in all, {} spots without; expected I {expected:.4}; p two-sided\n",
        w.len(),
        args.weights,
        w.edges(),
        w.islands()
    );
    let layouts =
        if p.is_some() { format!("p perm one-sided, from {} layouts with seed {}\n", args.permutations, args.seed) } else { String::new() };
    output::table(&header, &rows) + &note + &layouts
}
