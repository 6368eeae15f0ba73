//! The stack's figure, gathered from its artifacts.

use super::figures::{Drawn, Material};
use crate::base::Result;
use crate::base::arrays::Arrays;
use crate::engine::store::Artifact;
use crate::protocol::schema::Level0;
use crate::report::{self, Heading, StackBar, StackFigure};
use crate::stats::evaluate::{Evaluation, FoldScore};

/// Draws it.
pub(super) fn draw(
    m: &Material,
    stacked: &Evaluation,
    trained: &[Artifact],
    provenance: &dyn Fn(&str) -> Vec<(String, String)>,
) -> Result<Vec<Drawn>> {
    let leaking = m.protocol.stack.as_ref().is_some_and(|s| s.inputs == Level0::InSample);
    let by_spots = m.evaluation.by_fold.iter().any(|f| f.within_spots.is_some());
    let of = |f: &FoldScore| if by_spots { f.within_spots } else { f.mean_pcc };
    let bar = |name: &str, e: &Evaluation, leaks: bool, of: &dyn Fn(&FoldScore) -> Option<f64>| {
        let folds: Vec<f64> = e.by_fold.iter().filter_map(of).collect();
        StackBar { name: name.to_owned(), value: crate::stats::summary::mean_of(&folds), folds, leaks }
    };
    let mut bars = vec![bar("networks, held-out slides", m.evaluation, false, &of)];
    bars.push(bar("stack, its held-out spots", stacked, leaking, &of));
    if by_spots {
        bars.push(bar("training mean", m.evaluation, false, &|f| f.within_spots_constant));
    }
    let folds: Vec<String> = m.histories.iter().map(|(name, _)| name.clone()).collect();
    let blocks = if leaking { folds } else { m.expression.genes.clone() };
    let mut weights = Vec::new();
    for artifact in trained {
        let arrays = Arrays::open(&artifact.file("checkpoint.safetensors"))?;
        let shape = arrays.entry("model.0.weight")?.shape.clone();
        let (rows, width) = (shape.first().copied().unwrap_or(0), shape.get(1).copied().unwrap_or(0));
        let values = arrays.f32s("model.0.weight")?;
        let each = (width / blocks.len().max(1)).max(1);
        let mean = |block: usize| {
            let inside = values.iter().enumerate().filter(|(i, _)| (i % width.max(1)) / each == block);
            inside.map(|(_, v)| f64::from(v.abs())).sum::<f64>() / (rows * each).max(1) as f64
        };
        let name = artifact.label.split_once('[').map_or(artifact.label.as_str(), |(_, n)| n.trim_end_matches(']')).to_owned();
        weights.push((name, (0..blocks.len()).map(mean).collect()));
    }
    let figure = StackFigure {
        heading: Heading { title: Some("The stack".into()), finding: None, source: Some(m.protocol.name.clone()) },
        metric: if by_spots { "mean Spearman within spots".into() } else { "mean PCC".into() },
        bars,
        leaking,
        blocks,
        weights,
    };
    let caption = format!(
        "{} Small dots: folds. Right: the mean size of the first layer's weights on each block of inputs, a row a training.",
        figure.finding()
    );
    let png = report::stack_figure(&figure, &provenance("stack"))?;
    Ok(vec![Drawn { file: "stack.png".into(), title: "The stack".into(), caption, png }])
}
