//! Figure: does spatial organisation of a gene go with how well it is predicted?

use super::axis::{Panel, Range, drawable};
use super::canvas::Canvas;
use super::heading::{Heading, legend};
use super::place::{Classes, Space, Wish};
use super::style::{AXIS, MARGIN, WIDTH, counted, fixed, mark, number};
use crate::base::Result;
use crate::stats::{pearson, spearman};

/// Input of [`moran_vs_pcc`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MoranVsPcc {
    /// Words.
    pub heading: Heading,
    /// The genes, in any order.
    pub genes: Vec<MoranGene>,
    /// How many genes get a name: the best, the worst, and the most and least autocorrelated in turn.
    pub names: usize,
}

/// One gene.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MoranGene {
    /// Symbol.
    pub gene: String,
    /// Moran's I of the measured expression.
    pub moran: Option<f64>,
    /// Pearson's r of truth and prediction.
    pub pcc: Option<f64>,
    /// A class such as `signal` or `noise`.
    pub class: Option<String>,
}

impl MoranVsPcc {
    fn points(&self) -> Vec<(usize, f64, f64)> {
        let both = |g: &MoranGene| Some((g.moran.filter(|v| drawable(*v))?, g.pcc.filter(|v| drawable(*v))?));
        self.genes.iter().enumerate().filter_map(|(i, g)| both(g).map(|(m, p)| (i, m, p))).collect()
    }

    /// Spearman's rho and Pearson's r of the points that are drawn, and of no others.
    pub fn association(&self) -> (Option<f64>, Option<f64>) {
        let (moran, pcc): (Vec<f64>, Vec<f64>) = self.points().into_iter().map(|p| (p.1, p.2)).unzip();
        // Two points always lie on a line.
        if moran.len() < 3 { (None, None) } else { (spearman(&moran, &pcc), pearson(&moran, &pcc)) }
    }

    /// What is to be seen, in one sentence.
    pub fn finding(&self) -> String {
        let n = self.points().len();
        let (rho, r) = self.association();
        let left = self.genes.len() - n;
        let undefined = if left > 0 { format!(" {} undefined and not shown.", number(left)) } else { String::new() };
        let words = match rho {
            None => return format!("No association can be computed over {}.{undefined}", counted(n, "gene")),
            Some(r) if r >= 0.7 => "Genes with more spatial structure are predicted much better",
            Some(r) if r >= 0.3 => "Genes with more spatial structure tend to be predicted better",
            Some(r) if r > -0.3 => "Spatial structure says little about how well a gene is predicted",
            Some(_) => "Genes with more spatial structure are predicted worse",
        };
        format!("{words}: Spearman ρ = {}, Pearson r = {} over {}.{undefined}", fixed(rho, 3), fixed(r, 3), counted(n, "gene"))
    }
}

/// A scatter of Moran's I of the truth and the PCC, one point a gene.
pub fn moran_vs_pcc(input: &MoranVsPcc, text: &[(String, String)]) -> Result<Vec<u8>> {
    let mut canvas = Canvas::new(WIDTH, 1080);
    let top = input.heading.draw(&mut canvas, "Spatial structure and predictability", &input.finding());
    let classes = Classes::of(input.genes.iter().map(|g| g.class.as_deref()));
    let points = input.points();
    let drawn: std::collections::BTreeSet<usize> = points.iter().map(|p| p.0).collect();
    let keys = classes.keys(|i| drawn.contains(&i));
    let below = if keys.is_empty() { top } else { legend(&mut canvas, &keys, MARGIN, top + 18.0, WIDTH as f64 - MARGIN) };
    let panel = Panel {
        left: 170.0,
        top: below + 36.0,
        right: WIDTH as f64 - MARGIN,
        bottom: 930.0,
        x: Range::of(points.iter().map(|p| p.1), 0.05),
        y: Range::of(points.iter().map(|p| p.2), 0.07),
    };
    panel.y_axis(&mut canvas, &panel.y.ticks(7), "PCC of truth and prediction");
    panel.x_axis(&mut canvas, &panel.x.ticks(9), "Moran’s I of the measured expression", true);
    if panel.y.low < 0.0 && panel.y.high > 0.0 {
        canvas.line((panel.left, panel.py(0.0).round()), (panel.right, panel.py(0.0).round()), AXIS, 2.0, 1.0);
    }
    if panel.x.low < 0.0 && panel.x.high > 0.0 {
        canvas.line((panel.px(0.0).round(), panel.top), (panel.px(0.0).round(), panel.bottom), AXIS, 2.0, 1.0);
    }
    panel.spine(&mut canvas);
    if points.is_empty() {
        panel.empty(&mut canvas, "no gene has both numbers");
        return canvas.png(text);
    }
    let size = match points.len() {
        0..=60 => 9.0,
        61..=400 => 7.0,
        401..=1500 => 5.0,
        _ => 4.0,
    };
    let mut space = Space::new(panel.left, panel.top, panel.right, panel.bottom);
    for &(i, m, p) in &points {
        let (x, y) = panel.at(m, p);
        let (colour, shape) = classes.look(i);
        mark(&mut canvas, shape, x, y, size, colour, if points.len() <= 1500 { 1.4 } else { 0.7 });
        space.take_point(x, y, size);
    }
    let wishes: Vec<Wish> = remarkable(&points, input.names.min(40))
        .into_iter()
        .map(|at| {
            let (x, y) = panel.at(points[at].1, points[at].2);
            Wish { x, y, radius: size, name: input.genes[points[at].0].gene.clone() }
        })
        .collect();
    space.name(&mut canvas, &wishes, 240.0);
    canvas.png(text)
}

/// Which points to name: in turn the best predicted, the most autocorrelated, the worst, the least.
fn remarkable(points: &[(usize, f64, f64)], count: usize) -> Vec<usize> {
    let sorted = |key: fn(&(usize, f64, f64)) -> f64| {
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by(|&a, &b| key(&points[a]).total_cmp(&key(&points[b])).then(a.cmp(&b)));
        order
    };
    let orders = [sorted(|p| -p.2), sorted(|p| -p.1), sorted(|p| p.2), sorted(|p| p.1)];
    let mut chosen: Vec<usize> = vec![];
    for at in 0..points.len() {
        for order in &orders {
            if chosen.len() < count && !chosen.contains(&order[at]) {
                chosen.push(order[at]);
            }
        }
        if chosen.len() >= count {
            break;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finding_speaks_of_the_points_that_are_drawn() {
        let gene = |moran: Option<f64>, pcc: Option<f64>| MoranGene { gene: "G".into(), moran, pcc, class: None };
        let mut input = MoranVsPcc::default();
        for (i, p) in [0.1, 0.3, 0.2, 0.4, 0.9].into_iter().enumerate() {
            input.genes.push(gene(Some(i as f64), Some(p)));
        }
        // scipy.stats: spearmanr(range(5), [.1, .3, .2, .4, .9]) = 0.9; pearsonr = 0.8789.
        let alone = input.finding();
        assert!(alone.contains("ρ = 0.900, Pearson r = 0.879 over 5 genes."), "{alone}");
        // What cannot be drawn changes nothing but the count of what is missing.
        for (moran, pcc) in [(None, Some(-1.0)), (Some(9.0), None), (Some(f64::NAN), Some(1.0)), (Some(1e300), Some(-1.0))] {
            input.genes.push(gene(moran, pcc));
        }
        assert_eq!(input.finding(), format!("{alone} 4 undefined and not shown."));
        input.genes.truncate(2);
        assert!(input.finding().starts_with("No association can be computed over 2 genes"), "{}", input.finding());
    }
}
