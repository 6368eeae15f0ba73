//! Which genes slides have in common, and where each stands in each slide.

use crate::base::{Failure, Result};
use crate::dataset::model::Slide;
use crate::dataset::nearest;
use std::collections::BTreeMap;

/// Genes that hold for several slides, with their column in each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneSpace {
    /// Symbols, unique.
    pub genes: Vec<String>,
    /// For each slide, each gene's column there; `None` means that the slide lacks it, which counts as zero.
    pub columns: Vec<Vec<Option<u32>>>,
}

impl GeneSpace {
    /// Genes that every slide has, in the order of the first slide.
    pub fn intersect(slides: &[Slide]) -> Result<Self> {
        let tables = tables(slides);
        let first = slides.first().ok_or_else(|| Failure::input("no slides to take genes from"))?;
        let genes: Vec<String> = first.genes.iter().filter(|g| tables.iter().all(|t| t.contains_key(g.as_str()))).cloned().collect();
        if genes.is_empty() {
            let ids: Vec<&str> = slides.iter().map(|s| s.id.as_str()).collect();
            return Err(Failure::input(format!("slides {} have no gene in common", ids.join(", ")))
                .hint("are some tables in Ensembl ids and others in symbols?"));
        }
        Ok(Self::over(genes, &tables))
    }

    /// Genes that any slide has, sorted by bytes; a slide without one counts zero for it.
    pub fn union_zero_fill(slides: &[Slide]) -> Result<Self> {
        let mut genes: Vec<String> = slides.iter().flat_map(|s| s.genes.iter().cloned()).collect();
        genes.sort_unstable();
        genes.dedup();
        if genes.is_empty() {
            return Err(Failure::input("no slides to take genes from"));
        }
        Ok(Self::over(genes, &tables(slides)))
    }

    /// These genes of the space, in the order given; unknown and repeated ones are refused (G39).
    pub fn restrict(&self, genes: &[String]) -> Result<Self> {
        if genes.is_empty() {
            return Err(Failure::input("the gene panel is empty").hint("list at least one gene, or use a rule such as top-mean"));
        }
        let known: BTreeMap<&str, usize> = self.genes.iter().enumerate().map(|(i, g)| (g.as_str(), i)).collect();
        let mut at = Vec::with_capacity(genes.len());
        for (n, gene) in genes.iter().enumerate() {
            if genes[..n].contains(gene) {
                return Err(Failure::input(format!("gene '{gene}' is listed twice in the panel")).hint("list each gene once"));
            }
            let i = known.get(gene.as_str()).copied().ok_or_else(|| {
                Failure::input(format!("unknown gene '{gene}' among the {} genes of these slides (G39)", self.genes.len()))
                    .hint(nearest::hint(gene, self.genes.iter().map(String::as_str)))
            })?;
            at.push(i);
        }
        Ok(self.pick(&at))
    }

    /// The genes at these positions of the space.
    pub fn pick(&self, positions: &[usize]) -> Self {
        Self {
            genes: positions.iter().map(|&i| self.genes[i].clone()).collect(),
            columns: self.columns.iter().map(|c| positions.iter().map(|&i| c[i]).collect()).collect(),
        }
    }

    fn over(genes: Vec<String>, tables: &[BTreeMap<&str, u32>]) -> Self {
        let columns = tables.iter().map(|t| genes.iter().map(|g| t.get(g.as_str()).copied()).collect()).collect();
        Self { genes, columns }
    }
}

fn tables(slides: &[Slide]) -> Vec<BTreeMap<&str, u32>> {
    slides.iter().map(|s| s.genes.iter().enumerate().map(|(i, g)| (g.as_str(), i as u32)).collect()).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::dataset::model::{Counts, Lattice, Spot};

    /// A slide without image: one spot a row of counts.
    pub(in crate::dataset::expression) fn slide(id: &str, genes: &[&str], rows: &[&[u32]]) -> Slide {
        let mut counts = Counts::new();
        rows.iter().for_each(|r| counts.push_row(r.iter().enumerate().map(|(g, &c)| (g as u32, c))));
        let spot = |i: usize| Spot { id: format!("{i}x0"), array_col: i as i32, array_row: 0, x: i as f64, y: 0.0, source_row: i as u32 };
        Slide {
            id: id.into(),
            donor: None,
            organ: "none".into(),
            technology: "test".into(),
            lattice: Lattice::Square,
            image: None,
            spots: (0..rows.len()).map(spot).collect(),
            genes: genes.iter().map(|g| (*g).to_owned()).collect(),
            counts,
            files: vec![],
            findings: vec![],
            gene_ids: vec![],
            given: None,
        }
    }

    #[test]
    fn spaces_keep_their_documented_order() {
        let slides = [slide("A", &["Z", "B", "C"], &[&[1, 2, 3]]), slide("B", &["C", "Z", "A"], &[&[1, 2, 3]])];
        let both = GeneSpace::intersect(&slides).expect("both");
        assert_eq!(
            (both.genes.clone(), both.columns.clone()),
            (vec!["Z".to_owned(), "C".to_owned()], vec![vec![Some(0), Some(2)], vec![Some(1), Some(0)]])
        );
        let any = GeneSpace::union_zero_fill(&slides).expect("any");
        assert_eq!(any.genes, ["A", "B", "C", "Z"]);
        assert_eq!(any.columns[0], [None, Some(1), Some(2), Some(0)]);
        assert!(GeneSpace::intersect(&[slide("A", &["X"], &[&[1]]), slide("B", &["Y"], &[&[1]])]).is_err());
        assert!(GeneSpace::intersect(&[]).is_err() && GeneSpace::union_zero_fill(&[]).is_err());
    }

    #[test]
    fn wrong_panels_are_refused() {
        let space = GeneSpace::intersect(&[slide("A", &["GNAS", "FASN", "XBP1", "ERBB2"], &[&[1, 2, 3, 4]])]).expect("space");
        let restrict = |g: &[&str]| space.restrict(&g.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        let e = restrict(&["GNAs"]).expect_err("unknown").to_string();
        assert!(e.contains("unknown gene 'GNAs'") && e.contains("nearest names are GNAS, FASN, XBP1"), "{e}");
        assert!(restrict(&[]).is_err() && restrict(&["FASN", "FASN"]).is_err());
        assert_eq!(restrict(&["XBP1", "GNAS"]).expect("panel").columns, [[Some(2), Some(0)]]);
    }
}
