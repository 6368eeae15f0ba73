//! Figure: what of a gene goes with how well it is predicted? Small panels side by side, one a property.

use super::axis::{Panel, Range, drawable};
use super::canvas::Canvas;
use super::heading::Heading;
use super::style::{AXIS, BLUE, MARGIN, Mark, WIDTH, counted, fixed, mark};
use crate::base::Result;
use crate::stats::spearman;

/// Input of [`predictability_drivers`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drivers {
    /// Words.
    pub heading: Heading,
    /// Pearson's r of truth and prediction, one a gene.
    pub pcc: Vec<Option<f64>>,
    /// The properties; the first is the one that is claimed to matter.
    pub properties: Vec<Property>,
}

/// One property of genes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Property {
    /// Its name in the figure.
    pub title: String,
    /// What stands at its axis.
    pub axis: String,
    /// Its value, one a gene.
    pub values: Vec<Option<f64>>,
}

impl Drivers {
    fn points(&self, property: &Property) -> Vec<(f64, f64)> {
        let both = |(x, y): (&Option<f64>, &Option<f64>)| Some((x.filter(|v| drawable(*v))?, y.filter(|v| drawable(*v))?));
        property.values.iter().zip(&self.pcc).filter_map(both).collect()
    }

    /// Spearman's rho of the points that a panel shows; none of fewer than three.
    fn rho(&self, property: &Property) -> Option<f64> {
        let (x, y): (Vec<f64>, Vec<f64>) = self.points(property).into_iter().unzip();
        if x.len() < 3 { None } else { spearman(&x, &y) }
    }

    /// What is to be seen, in one sentence.
    pub fn finding(&self) -> String {
        let mut all: Vec<(&Property, f64)> = self.properties.iter().filter_map(|p| Some((p, self.rho(p)?))).collect();
        all.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        let Some(strongest) = all.first() else {
            return "No property has a correlation with predictability.".to_owned();
        };
        let words = |(p, rho): &(&Property, f64)| format!("{} (ρ = {})", p.title, fixed(Some(*rho), 3));
        let rest: Vec<String> = all.iter().skip(1).map(words).collect();
        let n = self.pcc.iter().flatten().count();
        let beside = if rest.is_empty() { String::new() } else { format!(", before {}", rest.join(", ")) };
        format!("Over {}, PCC goes most with {}{beside}.", counted(n, "gene"), words(strongest))
    }
}

/// Scatters of each property and the PCC, one point a gene, two panels a row.
pub fn predictability_drivers(input: &Drivers, text: &[(String, String)]) -> Result<Vec<u8>> {
    let rows = input.properties.len().div_ceil(2).max(1);
    let finding = input.finding();
    let extra = input.heading.extra(&finding);
    let mut canvas = Canvas::new(WIDTH, 200 + extra as usize + 560 * rows);
    let top = input.heading.draw(&mut canvas, "What goes with predictability", &finding);
    let y = Range::of(input.pcc.iter().flatten().copied(), 0.07);
    let wide = (WIDTH as f64 - MARGIN - 170.0 - 120.0) / 2.0;
    for (i, property) in input.properties.iter().enumerate() {
        let points = input.points(property);
        let left = 170.0 + (i % 2) as f64 * (wide + 120.0);
        let high = top + 70.0 + (i / 2) as f64 * 560.0;
        let x = Range::of(points.iter().map(|p| p.0), 0.05);
        let panel = Panel { left, top: high, right: left + wide, bottom: high + 390.0, x, y };
        let found = match input.rho(property) {
            Some(rho) => format!("ρ = {} over {}", fixed(Some(rho), 3), counted(points.len(), "gene")),
            None => "no correlation: too few genes, or all alike".to_owned(),
        };
        panel.title(&mut canvas, &format!("{}: {found}", property.title));
        panel.y_axis(&mut canvas, &y.ticks(5), if i % 2 == 0 { "PCC" } else { "" });
        panel.x_axis(&mut canvas, &x.ticks(6), &property.axis, true);
        if y.low < 0.0 && y.high > 0.0 {
            canvas.line((panel.left, panel.py(0.0).round()), (panel.right, panel.py(0.0).round()), AXIS, 2.0, 1.0);
        }
        panel.spine(&mut canvas);
        if points.is_empty() {
            panel.empty(&mut canvas, "no gene has both numbers");
        }
        let size = match points.len() {
            0..=60 => 7.0,
            61..=400 => 5.0,
            _ => 3.5,
        };
        for (x, y) in &points {
            let (x, y) = panel.at(*x, *y);
            mark(&mut canvas, Mark::Circle, x, y, size, BLUE, if points.len() <= 1500 { 1.0 } else { 0.5 });
        }
    }
    canvas.png(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_comes_first() {
        let pcc: Vec<Option<f64>> = [0.1, 0.2, 0.3, 0.4].map(Some).to_vec();
        let property =
            |title: &str, values: [f64; 4]| Property { title: title.into(), axis: String::new(), values: values.map(Some).to_vec() };
        let input = Drivers {
            heading: Heading::default(),
            pcc,
            properties: vec![property("structure", [1.0, 2.0, 4.0, 3.0]), property("zeros", [4.0, 3.0, 2.0, 1.0])],
        };
        assert_eq!(input.finding(), "Over 4 genes, PCC goes most with zeros (ρ = −1.000), before structure (ρ = 0.800).");
        assert!(Drivers::default().finding().starts_with("No property"));
    }
}
