//! Which genes are predicted: a list, or the top k by a rule over given spots.

use super::scanpy::{self, Median};
use super::space::GeneSpace;
use super::transform::Transform;
use crate::base::{Failure, Result};
use crate::dataset::model::Slide;

/// A spot as (slide index, row in the slide).
pub type SpotRef = (usize, usize);

/// How a panel of genes is chosen. Over which spots, the caller says: training spots, or all (and then it leaks).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Panel {
    /// These genes, in this order.
    List(Vec<String>),
    /// The k genes of largest mean raw count.
    TopMean(usize),
    /// The k genes of largest variance of the transformed values.
    TopVariance(usize),
    /// scanpy's "seurat" variable genes: the k most variable of each slide with ties, and their union over slides.
    Seurat(usize, Median),
    /// The genes that the data set's publishers chose.
    Published,
}

impl Panel {
    /// The panel's genes as a space. Chosen genes come by falling value; equal values by their order in `space`.
    pub fn choose(&self, slides: &[Slide], space: &GeneSpace, transform: Transform, spots: &[SpotRef]) -> Result<GeneSpace> {
        let (k, rule) = match self {
            Panel::List(genes) => return space.restrict(genes),
            Panel::Published => return published(slides, space),
            Panel::Seurat(k, _) => (*k, "seurat"),
            Panel::TopMean(k) => (*k, "top-mean"),
            Panel::TopVariance(k) => (*k, "top-variance"),
        };
        if k == 0 {
            return Err(Failure::input(format!("the gene panel is empty: {rule} of 0 genes")).hint("ask for at least one gene"));
        }
        if k > space.genes.len() {
            return Err(Failure::input(format!("{rule} asks for {k} genes, but these slides share {}", space.genes.len()))
                .hint("ask for fewer genes, or use the union of genes"));
        }
        if spots.is_empty() {
            return Err(Failure::input(format!("{rule} has no spots to choose genes by"))
                .hint("name the slides or the fold by which the panel is chosen"));
        }
        if let Some((s, r)) = spots.iter().find(|(s, r)| slides.get(*s).is_none_or(|slide| *r >= slide.spots.len())) {
            return Err(Failure::input(format!("{rule}: there is no spot {r} on slide number {s}")));
        }
        if let Panel::Seurat(k, median) = self {
            let rows = |s: usize| spots.iter().filter(|at| at.0 == s).map(|at| at.1).collect();
            return scanpy::union(slides, space, *k, *median, &(0..slides.len()).map(rows).collect::<Vec<_>>());
        }
        let values = if matches!(self, Panel::TopMean(_)) {
            means(slides, space, Transform::Raw, spots)
        } else {
            variances(slides, space, transform, spots)
        };
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]).then(a.cmp(&b)));
        order.truncate(k);
        Ok(space.pick(&order))
    }
}

/// The publishers' genes, which must be the same for all slides.
fn published(slides: &[Slide], space: &GeneSpace) -> Result<GeneSpace> {
    let lists: Vec<Option<&Vec<String>>> = slides.iter().map(|s| s.given.as_ref().map(|g| &g.genes)).collect();
    let Some(Some(first)) = lists.first() else {
        return Err(Failure::input("this data set has no published choice of genes").hint("use a list or another rule"));
    };
    match lists.iter().position(|l| *l != Some(first)) {
        Some(i) => Err(Failure::input(format!("slides {} and {} have different published genes", slides[0].id, slides[i].id))),
        None => space.restrict(first),
    }
}

fn means(slides: &[Slide], space: &GeneSpace, transform: Transform, spots: &[SpotRef]) -> Vec<f64> {
    let mut sums = vec![0.0; space.genes.len()];
    each(slides, space, transform, spots, |gene, v| sums[gene] += v);
    sums.into_iter().map(|s| s / spots.len() as f64).collect()
}

/// Population variance, two passes.
fn variances(slides: &[Slide], space: &GeneSpace, transform: Transform, spots: &[SpotRef]) -> Vec<f64> {
    let means = means(slides, space, transform, spots);
    let mut sums = vec![0.0; means.len()];
    each(slides, space, transform, spots, |gene, v| sums[gene] += (v - means[gene]) * (v - means[gene]));
    sums.into_iter().map(|s| s / spots.len() as f64).collect()
}

fn each(slides: &[Slide], space: &GeneSpace, transform: Transform, spots: &[SpotRef], mut take: impl FnMut(usize, f64)) {
    let bound: Vec<Transform> = slides.iter().map(|s| transform.on(s)).collect();
    for &(s, row) in spots {
        let (slide, transform) = (&slides[s], bound[s]);
        let (indices, values) = slide.counts.row(row);
        let mut counts = vec![0u32; slide.genes.len()];
        indices.iter().zip(values).for_each(|(&g, &c)| counts[g as usize] = c);
        let total = slide.counts.total(row);
        for (gene, column) in space.columns[s].iter().enumerate() {
            take(gene, transform.value(column.map_or(0, |c| counts[c as usize]), total, slide.genes.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::space::tests::slide;
    use super::*;

    fn genes(panel: &Panel, spots: &[SpotRef]) -> Result<Vec<String>> {
        let slides =
            [slide("A", &["P", "Q", "R", "T"], &[&[5, 0, 4, 4], &[5, 9, 4, 4]]), slide("B", &["T", "R", "Q", "P"], &[&[0, 8, 9, 5]])];
        let space = GeneSpace::intersect(&slides)?;
        panel.choose(&slides, &space, Transform::Log1pCount, spots).map(|s| s.genes)
    }

    #[test]
    fn rules_follow_the_spots_given_and_break_ties_by_order() {
        let both = [(0, 0), (0, 1)];
        assert_eq!(genes(&Panel::TopMean(4), &both).expect("means"), ["P", "Q", "R", "T"]);
        assert_eq!(genes(&Panel::TopMean(2), &[(1, 0)]).expect("means"), ["Q", "R"]);
        assert_eq!(genes(&Panel::TopVariance(2), &both).expect("variances"), ["Q", "P"]);
        assert_eq!(genes(&Panel::TopVariance(2), &[(0, 1), (1, 0)]).expect("variances"), ["T", "R"]);
        assert_eq!(genes(&Panel::List(vec!["T".into(), "P".into()]), &both).expect("list"), ["T", "P"]);
    }

    #[test]
    fn impossible_panels_are_refused() {
        let what = |p: Panel, spots: &[SpotRef]| genes(&p, spots).expect_err("refused").what;
        assert!(what(Panel::TopMean(0), &[(0, 0)]).contains("panel is empty"));
        assert!(what(Panel::List(vec![]), &[(0, 0)]).contains("panel is empty"));
        assert!(what(Panel::TopMean(5), &[(0, 0)]).contains("asks for 5 genes, but these slides share 4"));
        assert!(what(Panel::TopVariance(1), &[]).contains("no spots"));
        assert!(what(Panel::TopVariance(1), &[(2, 0)]).contains("no spot 0 on slide number 2"));
    }
}
