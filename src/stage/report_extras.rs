//! Parts of a report that only some protocols have: simple methods beside the model, best and last epochs, spots left out,
//! stains, the stack and what its leak is worth, answers for unlabelled slides.

use super::answers::Described;
use super::evaluate::Evaluate;
use super::figures::{Drawn, Material};
use super::files;
use super::report::Needs;
use super::stain;
use crate::base::Result;
use crate::engine::store::Artifact;
use crate::protocol::Protocol;
use crate::protocol::schema::{Headline, Level0};
use crate::report::page::Table;
use crate::stats::evaluate::Evaluation;
use serde_json::Value;

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"))
}

fn strings<const N: usize>(of: [&str; N]) -> Vec<String> {
    of.map(str::to_owned).into()
}

/// The tables behind the metrics.
pub(super) fn tables(p: &Protocol, e: &Evaluation, histories: &[(String, Value)], from: &Needs<Artifact>) -> Result<Vec<Table>> {
    let mut out = Vec::new();
    out.extend(baselines(e));
    out.extend(epochs(p, e, histories));
    if let Some(spots) = &from.spots {
        out.push(super::spots::table(&spots.dir)?);
    }
    out.extend(stain::tables(p, &from.stain)?);
    if let Some(stack) = &from.stack {
        out.extend(stack_tables(p, e, &Evaluate::load(&stack.evaluate.dir)?, &stack.trained)?);
    }
    if let Some(answers) = &from.answers {
        out.push(answered(&files::read_json::<Vec<Described>>(&answers.file("answers.json"))?));
    }
    Ok(out)
}

/// The model beside simple methods.
fn baselines(e: &Evaluation) -> Option<Table> {
    if e.baselines.is_empty() {
        return None;
    }
    let within = e.by_fold.iter().any(|f| f.within_spots.is_some());
    let model = e.genes.iter().map(|g| g.mse).sum::<f64>() / e.genes.len().max(1) as f64;
    let pcc = e.summary.iter().find(|m| m.id.starts_with("pcc/gene/")).and_then(|m| m.value);
    let first = within.then(|| e.summary.first().and_then(|m| m.value)).flatten();
    let row = |name: &str, within_spots: Option<f64>, pcc: Option<f64>, mse: f64| {
        let mut cells = vec![name.to_owned(), shown(pcc), format!("{mse:.4}")];
        if within {
            cells.insert(1, shown(within_spots));
        }
        cells
    };
    let mut rows = vec![row("the model", first, pcc, model)];
    rows.extend(e.baselines.iter().map(|b| row(&b.title, b.within_spots, b.mean_pcc, b.mse)));
    let mut head = strings(["method", "#mean PCC", "#MSE"]);
    if within {
        head.insert(1, "#Spearman within spots".into());
    }
    Some(Table {
        title: "Beside simple methods".into(),
        note: "The same held-out spots. Ridge regression (penalty 1) and the mean of 30 nearest neighbours see 15 numbers a patch: mean, deviation and \
               quartiles of each colour. The training mean says the same of every spot, so it has no correlation over spots."
            .into(),
        head,
        rows,
    })
}

/// Fold by fold what the chosen and the last epoch reach on the spots that choose, and the checkpoint on the held-out ones.
fn epochs(p: &Protocol, e: &Evaluation, histories: &[(String, Value)]) -> Option<Table> {
    if e.by_fold.iter().all(|f| f.within_spots.is_none()) {
        return None;
    }
    let mut lasts = Vec::new();
    let mut bests = Vec::new();
    let rows = histories
        .iter()
        .zip(&e.by_fold)
        .map(|((name, history), fold)| {
            let all = history["epochs"].as_array().map(Vec::as_slice).unwrap_or_default();
            let best = history["best_epoch"].as_u64().unwrap_or(0);
            let at = |epoch: Option<&Value>, key: &str| epoch.and_then(|row| row[key].as_f64());
            let (chosen, last) = (all.get((best as usize).wrapping_sub(1)), all.last());
            bests.extend(at(chosen, "validation_spearman"));
            lasts.extend(at(last, "validation_spearman"));
            vec![
                name.clone(),
                fold.spots.to_string(),
                all.len().to_string(),
                best.to_string(),
                shown(at(chosen, "validation_spearman")),
                shown(at(last, "validation_spearman")),
                shown(at(chosen, "validation_loss")),
                shown(at(last, "validation_loss")),
                shown(fold.within_spots),
                format!("{:.4}", fold.mse),
                shown(fold.within_spots_constant),
                format!("{:.4}", fold.mse_constant),
            ]
        })
        .collect();
    let who = if p.train.best.looks_at_test() { "the held-out spots themselves" } else { "the validation spots" };
    let mean = |of: &[f64]| shown(crate::stats::summary::mean_of(of));
    let spread = crate::stats::summary::deviation(&bests, 0).map_or_else(String::new, |d| format!(" (deviation {d:.4})"));
    Some(Table {
        title: "Folds, best and last epoch".into(),
        note: format!(
            "Spearman within spots and MSE of the best and the last epoch are of {who}, epoch by epoch as they were during training; means over folds: \
             best {}{spread}, last {}. Held-out numbers are of the checkpoint.",
            mean(&bests),
            mean(&lasts)
        ),
        head: strings([
            "fold",
            "#held-out spots",
            "#epochs",
            "#best",
            "#Spearman, best",
            "#last",
            "#MSE, best",
            "#last",
            "#Spearman, held out",
            "#MSE",
            "#Spearman of the mean",
            "#MSE",
        ]),
        rows,
    })
}

fn stack_tables(p: &Protocol, base: &Evaluation, stack: &Evaluation, trained: &[Artifact]) -> Result<Vec<Table>> {
    let (first, mine) = (base.summary.first(), stack.summary.first());
    let mse = |e: &Evaluation, of: fn(&crate::stats::evaluate::GeneScore) -> f64| {
        format!("{:.4}", e.genes.iter().map(of).sum::<f64>() / e.genes.len().max(1) as f64)
    };
    let in_sample = p.stack.as_ref().is_some_and(|s| s.inputs == Level0::InSample);
    let mut rows = vec![
        vec![
            "the folds' networks, held-out slides".into(),
            shown(first.and_then(|m| m.value)),
            mse(base, |g| g.mse),
            base.spots.to_string(),
        ],
        vec!["the stack, its own held-out spots".into(), shown(mine.and_then(|m| m.value)), mse(stack, |g| g.mse), stack.spots.to_string()],
        vec!["the training mean there".into(), "-".into(), mse(stack, |g| g.mse_constant), stack.spots.to_string()],
    ];
    if let Some(constant) = stack.by_fold.iter().map(|f| f.within_spots_constant).collect::<Option<Vec<f64>>>() {
        rows[2][1] = shown(crate::stats::summary::mean_of(&constant));
    }
    let title = first.map_or("headline", |m| m.title.as_str());
    let note = if in_sample {
        "LEAKING: the stack learns from predictions of networks for their own training spots, and is judged on spots whose neighbours trained it. The \
         difference between the first two rows is what that leak is worth, not what stacking is worth."
    } else {
        "The stack learns from out-of-fold predictions and is judged on slides that did not train it: the rows can be compared."
    };
    let summary =
        Table { title: "The stack".into(), note: note.into(), head: strings(["what", &format!("#{title}"), "#MSE", "#spots"]), rows };
    let rows = trained
        .iter()
        .map(|a| {
            let history: Value = files::read_json(&a.file("history.json"))?;
            let all = history["epochs"].as_array().map(Vec::as_slice).unwrap_or_default();
            let best = history["best_epoch"].as_u64().unwrap_or(0);
            let row = all.get((best as usize).wrapping_sub(1));
            let at = |key: &str| shown(row.and_then(|r| r[key].as_f64()));
            let rate = all.last().and_then(|r| r["learning_rate"].as_f64()).map_or_else(|| "-".to_owned(), |v| format!("{v:e}"));
            Ok(vec![a.label.clone(), all.len().to_string(), best.to_string(), at("train_loss"), at("validation_loss"), rate])
        })
        .collect::<Result<Vec<_>>>()?;
    let trainings = Table {
        title: "Trainings of the stack".into(),
        note: String::new(),
        head: strings(["training", "#epochs", "#best", "#training MSE", "#validation MSE", "#last learning rate"]),
        rows,
    };
    Ok(vec![summary, trainings])
}

fn answered(all: &[Described]) -> Table {
    let row = |d: &Described| {
        let mut cells = vec![d.file.clone()];
        cells.extend([d.min, d.max, d.mean].map(|v| format!("{v:.4}")));
        cells.extend([d.column_deviation, d.with_profile].map(shown));
        cells
    };
    Table {
        title: "Answers for slides without labels".into(),
        note: "Nothing can be measured there. The last two columns tell how much a table differs from spot to spot: a deviation near 0, and a \
               Spearman near 1 with the table's own mean profile, belong to a network that says the same everywhere. The rank ensemble gives each \
               network the same vote, such a one too."
            .into(),
        head: strings(["table", "#least", "#most", "#mean", "#deviation over spots", "#Spearman with its mean profile"]),
        rows: all.iter().map(row).collect(),
    }
}

/// Sentences beside the headline.
pub(super) fn verdicts(p: &Protocol, e: &Evaluation, histories: &[(String, Value)], from: &Needs<Artifact>) -> Result<Vec<String>> {
    let mut out = Vec::new();
    let by_spots = p.metrics.headline == Headline::WithinSpots;
    let of = |name: &str| e.baselines.iter().find(|b| b.name == name);
    if by_spots
        && let (Some(model), Some(constant)) = (e.summary.first().and_then(|m| m.value), of("constant").and_then(|b| b.within_spots))
    {
        out.push(if model > constant {
            format!("Spearman within spots: {model:.4}, against {constant:.4} for the same profile everywhere (the training mean)")
        } else {
            format!("FLAG: Spearman within spots is {model:.4}, and the same profile everywhere (the training mean) reaches {constant:.4}: the model does not beat a constant")
        });
    }
    let simple: Vec<String> = e
        .baselines
        .iter()
        .filter(|b| b.name != "constant")
        .map(|b| {
            let pcc = b.mean_pcc.map_or_else(|| "no PCC".to_owned(), |r| format!("mean PCC {r:.4}"));
            format!("{}: {pcc}, mean squared error {:.4}", b.title, b.mse)
        })
        .collect();
    if !simple.is_empty() {
        out.push(format!("beside it, on the same spots: {}", simple.join("; ")));
    }
    if by_spots {
        let early: Vec<&str> = histories
            .iter()
            .filter(|(_, h)| h["best_epoch"].as_u64().is_some_and(|b| b <= 2) && h["epochs"].as_array().is_some_and(|a| a.len() > 2))
            .map(|(name, _)| name.as_str())
            .collect();
        if !early.is_empty() {
            out.push(format!(
                "FLAG: the checkpoint of {} is of epoch 1 or 2: such a network has often learned the mean profile alone",
                early.join(", ")
            ));
        }
    }
    if let (Some(stack), Some(how)) = (&from.stack, &p.stack) {
        let stacked = Evaluate::load(&stack.evaluate.dir)?;
        let value = |e: &Evaluation| e.summary.first().and_then(|m| m.value);
        if let (Some(a), Some(b)) = (value(e), value(&stacked)) {
            let words =
                if how.inputs == Level0::InSample { "LEAKING, its inputs are not out-of-fold" } else { "from out-of-fold predictions" };
            out.push(format!("the stack ({words}): {b:.4} on its own held-out spots, against {a:.4} of the networks on held-out slides"));
        }
    }
    Ok(out)
}

/// The figures behind the usual ones.
pub(super) fn draw(m: &Material, from: &Needs<Artifact>, provenance: &dyn Fn(&str) -> Vec<(String, String)>) -> Result<Vec<Drawn>> {
    let mut out = stain::draw(m, &from.stain, provenance)?;
    if let Some(stack) = &from.stack {
        out.extend(super::stack_figures::draw(m, &Evaluate::load(&stack.evaluate.dir)?, &stack.trained, provenance)?);
    }
    Ok(out)
}
