//! What a protocol must hold beyond its types. The first problem is reported, with the key it is about.

use super::schema::*;

/// A problem with one key.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Dotted key.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem without a hint.
    pub fn new(key: &str, what: impl Into<String>) -> Self {
        Self { key: key.to_owned(), what: what.into(), hint: None }
    }
    /// Adds what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

type Checked = std::result::Result<(), Problem>;

fn ensure(holds: bool, key: &str, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Problem::new(key, what())) }
}

/// Checks a whole protocol.
pub fn check(p: &Protocol) -> Checked {
    ensure(p.schema == SCHEMA, "schema", || format!("schema {} is not known; this pinfold reads schema {SCHEMA}", p.schema))?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    ensure(!p.name.is_empty() && p.name.len() <= 64 && p.name.chars().all(plain), "name", || {
        "a name is 1 to 64 lowercase letters, digits and hyphens".to_owned()
    })?;
    ensure(p.seed <= i64::MAX as u64, "seed", || "a seed is at most 2^63 - 1".to_owned())?;
    for (i, seed) in p.seeds.iter().enumerate() {
        ensure(*seed <= i64::MAX as u64, "seeds", || "a seed is at most 2^63 - 1".to_owned())?;
        ensure(!p.seeds[..i].contains(seed), "seeds", || format!("seed {seed} is listed twice"))?;
    }
    data(p)?;
    genes(p)?;
    split(p)?;
    numbers(p)?;
    p.slurm.check()?;
    for (name, genes) in &p.metrics.groups {
        ensure(!genes.is_empty(), "metrics.groups", || format!("group '{name}' is empty"))?;
    }
    for (name, rank) in &p.metrics.ranked {
        ensure((1..=100_000).contains(&rank.k), "metrics.ranked", || format!("group '{name}': k is between 1 and 100000"))?;
        ensure(!p.metrics.groups.contains_key(name), "metrics.ranked", || {
            format!("'{name}' is the name of a group in metrics.groups already")
        })?;
    }
    for published in &p.published {
        ensure(published.value.is_finite() && published.tolerance >= 0.0, "published", || {
            "a value must be finite and a tolerance not negative".to_owned()
        })?;
    }
    match p.quirks.iter().find(|(_, side)| **side == Profile::Rewrite) {
        Some((id, _)) => Err(Problem::new(&format!("quirks.{id}"), "a quirk is \"as-published\" or \"corrected\"")),
        None => Ok(()),
    }
}

fn data(p: &Protocol) -> Checked {
    ensure(!p.data.slides.is_empty(), "data.slides", || "no slides".to_owned())?;
    for (i, slide) in p.data.slides.iter().enumerate() {
        ensure(!p.data.slides[..i].contains(slide), "data.slides", || format!("slide '{slide}' is listed twice"))?;
        let plain = !slide.is_empty() && slide.len() <= 32 && slide.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        ensure(plain, "data.slides", || format!("'{slide}' is not a slide name (letters, digits, - and _)"))?;
    }
    for (i, slide) in p.data.unlabelled.iter().enumerate() {
        let taken = p.data.slides.contains(slide) || p.data.unlabelled[..i].contains(slide);
        ensure(!taken, "data.unlabelled", || format!("slide '{slide}' is listed twice"))?;
        let plain = !slide.is_empty() && slide.len() <= 32 && slide.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        ensure(plain, "data.unlabelled", || format!("'{slide}' is not a slide name (letters, digits, - and _)"))?;
    }
    match (&p.data.dataset, &p.data.synthetic) {
        (Dataset::Synthetic, None) => Err(Problem::new("data", "synthetic slides need a [data.synthetic] table")),
        (Dataset::Her2st | Dataset::Visium | Dataset::Gse240429 | Dataset::Imported | Dataset::ElHackathon2025, Some(_)) => {
            Err(Problem::new("data.synthetic", "only the dataset 'synthetic' takes this table"))
        }
        (_, Some(s)) => {
            ensure((4..=64).contains(&s.side), "data.synthetic.side", || "between 4 and 64 spots a side".to_owned())?;
            ensure((16..=512).contains(&s.pitch), "data.synthetic.pitch", || "between 16 and 512 pixels".to_owned())?;
            ensure((3..=3000).contains(&s.genes), "data.synthetic.genes", || "between 3 and 3000 genes".to_owned())
        }
        _ => kinds(p),
    }
}

/// The tables of `[data]` that belong to one kind of data set.
fn kinds(p: &Protocol) -> Checked {
    let d = &p.data;
    ensure(d.visium.is_none() || d.dataset == Dataset::Visium, "data.visium", || "only the dataset 'visium' takes this table".to_owned())?;
    ensure(d.imported.is_none() || d.dataset == Dataset::Imported, "data.imported", || {
        "only the dataset 'imported' takes this table".to_owned()
    })?;
    ensure(d.imported.is_some() || d.dataset != Dataset::Imported, "data", || {
        "an imported table needs [data.imported] with its folder".to_owned()
    })?;
    if let Some((key, what)) = d.visium.as_ref().and_then(|v| v.problem(&d.slides)) {
        return Err(Problem::new(key, what));
    }
    let inside = |f: &str| !f.starts_with('/') && f.split('/').all(|part| !matches!(part, "" | "." | ".."));
    ensure(d.imported.as_ref().is_none_or(|i| inside(&i.folder)), "data.imported.folder", || {
        "a path below the data root, without '..'".to_owned()
    })
}

/// Whether a data set brings genes and values of its publishers' own.
fn brings(dataset: Dataset) -> bool {
    matches!(dataset, Dataset::Gse240429 | Dataset::Imported | Dataset::ElHackathon2025)
}

/// Those that do, for messages.
const BRING: &str = "'gse240429', 'imported' and 'el-hackathon-2025'";

fn genes(p: &Protocol) -> Checked {
    let g = &p.genes;
    match g.rule {
        PanelRule::List => {
            ensure(!g.list.is_empty(), "genes.list", || "the gene panel is empty".to_owned())?;
            ensure(g.k.is_none(), "genes.k", || "the rule 'list' takes no k".to_owned())?;
            for (i, gene) in g.list.iter().enumerate() {
                ensure(!g.list[..i].contains(gene), "genes.list", || format!("gene '{gene}' is listed twice"))?;
            }
        }
        PanelRule::Published => {
            ensure(g.k.is_none() && g.list.is_empty(), "genes.rule", || "the rule 'published' takes neither k nor a list".to_owned())?;
            ensure(brings(p.data.dataset), "genes.rule", || format!("only {BRING} bring a published choice of genes"))?;
        }
        PanelRule::TopMean | PanelRule::TopVariance | PanelRule::Seurat => {
            let counted = p.expression.transform != Transform::Given || g.rule == PanelRule::Seurat;
            ensure(counted, "genes.rule", || "given values have no counts to rank genes by; use 'published' or 'list'".to_owned())?;
            ensure(g.rule != PanelRule::Seurat || p.expression.median.is_some(), "expression", || {
                "the rule 'seurat' needs expression.median: \"positive\" or \"all\"".to_owned()
            })?;
            ensure(g.k.is_some(), "genes.rule", || "this rule needs k, the number of genes".to_owned())?;
            ensure(g.k != Some(0), "genes.k", || "the gene panel is empty".to_owned())?;
            ensure(g.list.is_empty(), "genes.list", || "only the rule 'list' takes a list".to_owned())?;
            ensure(g.from != PanelFrom::Unsaid, "genes.rule", || {
                "this rule needs 'from': \"train\", \"all\" or a list of slides".to_owned()
            })?;
        }
    }
    match &g.from {
        PanelFrom::Slides(slides) => {
            ensure(!slides.is_empty(), "genes.from", || "no slides".to_owned())?;
            match slides.iter().find(|s| !p.data.slides.contains(s)) {
                Some(slide) => Err(Problem::new("genes.from", format!("slide '{slide}' is not among data.slides"))),
                None => Ok(()),
            }
        }
        PanelFrom::Named(PanelSet::Train) if !matches!(p.split.kind, SplitKind::Holdout | SplitKind::TorchRandom) => {
            Err(Problem::new("genes.from", "\"train\" needs a split with one fold, since each fold would choose another panel")
                .hint("use a list, or from = \"all\" (reported as a leak)"))
        }
        _ => Ok(()),
    }
}

fn split(p: &Protocol) -> Checked {
    let s = &p.split;
    ensure(s.seed <= u32::MAX as u64, "split.seed", || "NumPy's generator takes seeds below 2^32".to_owned())?;
    ensure((0.0..0.9).contains(&s.validation), "split.validation", || "a share of the training spots, from 0 to below 0.9".to_owned())?;
    match s.kind {
        SplitKind::Holdout | SplitKind::TorchRandom => {
            ensure(s.k.is_none(), "split.k", || "only 'kfold' takes k".to_owned())?;
            ensure(s.test_size.is_some(), "split.kind", || "'holdout' and 'torch-random' need test_size".to_owned())?;
            ensure(s.test_size.is_some_and(|f| f > 0.0 && f < 1.0), "split.test_size", || {
                "a share of the spots, between 0 and 1".to_owned()
            })?;
        }
        SplitKind::Kfold => {
            ensure(s.test_size.is_none(), "split.test_size", || "only 'holdout' and 'torch-random' take test_size".to_owned())?;
            ensure(s.k.is_some(), "split.kind", || "'kfold' needs k".to_owned())?;
            ensure(s.k.is_some_and(|k| k >= 2), "split.k", || "at least 2 folds".to_owned())?;
        }
        SplitKind::LeaveOneSlideOut => {
            ensure(s.test_size.is_none(), "split.test_size", || "only 'holdout' takes test_size".to_owned())?;
            let slides = p.data.slides.len();
            ensure(s.k.is_none_or(|k| k == slides), "split.k", || {
                format!("{} folds asked for, and {slides} slides to leave out one by one", s.k.unwrap_or(0))
            })?;
            ensure(slides >= 2, "data.slides", || "leaving one slide out needs at least two".to_owned())?;
        }
    }
    for (i, slide) in s.test_slides.iter().enumerate() {
        ensure(p.data.slides.contains(slide), "split.test_slides", || format!("slide '{slide}' is not among data.slides"))?;
        ensure(!s.test_slides[..i].contains(slide), "split.test_slides", || format!("slide '{slide}' is listed twice"))?;
    }
    if !s.test_slides.is_empty() {
        ensure(s.kind != SplitKind::LeaveOneSlideOut, "split.test_slides", || {
            "leaving slides out one by one has its test slides".to_owned()
        })?;
        ensure(s.test_slides.len() < p.data.slides.len(), "split.test_slides", || "no slide is left to train on".to_owned())?;
        ensure(s.validation == 0.0, "split.validation", || {
            "with test_slides the held-out spots of the other slides are the validation: 0".to_owned()
        })?;
        ensure(s.kind != SplitKind::Kfold || p.metrics.pooling == Pooling::Fold, "metrics.pooling", || {
            "every fold predicts the same test slides: pool by \"fold\"".to_owned()
        })?;
    }
    if s.validation_slide.is_some() {
        ensure(s.kind == SplitKind::LeaveOneSlideOut, "split.validation_slide", || "only 'leave-one-slide-out' takes it".to_owned())?;
        ensure(s.validation == 0.0, "split.validation", || "a whole slide chooses the checkpoint: 0".to_owned())?;
        ensure(p.data.slides.len() >= 3, "split.validation_slide", || {
            "one slide tests, one chooses, and none is left to train on".to_owned()
        })?;
    }
    let carved = s.validation > 0.0 || !s.test_slides.is_empty() || s.validation_slide.is_some();
    ensure(!p.train.best.needs_validation() || carved, "train.best", || {
        "choosing by validation spots needs some, and split.validation is 0".to_owned()
    })?;
    // With neither validation spots nor a choice by loss, the schedule takes the test spots' loss, as a published script does (T6).
    Ok(())
}

fn numbers(p: &Protocol) -> Checked {
    ensure(
        p.expression.transform != Transform::Log1pTotal || p.expression.target.is_some_and(|t| t > 0.0 && t.is_finite()),
        "expression",
        || "'log1p-total' needs a positive target".to_owned(),
    )?;
    let wants_median = p.expression.transform == Transform::Log1pMedian;
    ensure(!wants_median || p.expression.median.is_some(), "expression", || {
        "'log1p-median' needs median: \"positive\" or \"all\"".to_owned()
    })?;
    ensure(p.expression.transform != Transform::Given || brings(p.data.dataset), "expression.transform", || {
        format!("only {BRING} bring values of their own")
    })?;
    ensure((p.expression.transform == Transform::Rank) == p.expression.ties.is_some(), "expression", || {
        "'rank' needs ties: \"ordinal\" or \"average\"; other transforms take none".to_owned()
    })?;
    let countless = matches!(p.data.dataset, Dataset::Imported | Dataset::ElHackathon2025);
    ensure(!countless || matches!(p.expression.transform, Transform::Given | Transform::Rank), "expression.transform", || {
        "these data have no counts: use \"given\" or \"rank\"".to_owned()
    })?;
    ensure(p.data.unlabelled.is_empty() || p.data.dataset == Dataset::ElHackathon2025, "data.unlabelled", || {
        "only 'el-hackathon-2025' has slides without labels".to_owned()
    })?;
    ensure((8..=4096).contains(&p.patch.size), "patch.size", || "between 8 and 4096 pixels".to_owned())?;
    ensure((8..=1024).contains(&p.patch.resize), "patch.resize", || "between 8 and 1024 pixels".to_owned())?;
    super::network::check(p)?;
    super::clusters::check(p)?;
    super::image::check(p)?;
    super::stack::check(p)?;
    ensure((0.0..1.0).contains(&p.network.dropout), "network.dropout", || "from 0 to below 1".to_owned())?;
    ensure(p.network.hidden <= 65_536, "network.hidden", || "at most 65536".to_owned())?;
    let w = &p.network.weights;
    let sound =
        w == "random" || (w.ends_with(".safetensors") && !w.starts_with('/') && !w.split('/').any(|part| part == ".." || part.is_empty()));
    ensure(sound, "network.weights", || "\"random\", or a .safetensors file below weights/".to_owned())?;
    ensure(w == "random" || p.network.weights_sha256.is_some() || source_digits(w).is_some(), "network.weights", || {
        "a weight file needs weights_sha256 beside it, or the name of a published file with its digits".to_owned()
    })?;
    let t = &p.train;
    ensure(t.learning_rate > 0.0 && t.learning_rate.is_finite(), "train.learning_rate", || "a positive number".to_owned())?;
    ensure(t.weight_decay >= 0.0 && t.weight_decay.is_finite(), "train.weight_decay", || "0 or a positive number".to_owned())?;
    ensure(t.schedule.has_floor() == t.half_period.is_some() && t.schedule.has_floor() == t.floor.is_some(), "train.schedule", || {
        "'cosine-to-floor' and 'cosine-swinging' need half_period and floor; other schedules take neither".to_owned()
    })?;
    ensure(t.half_period.is_none_or(|n| (1..=100_000).contains(&n)), "train.half_period", || "between 1 and 100000 epochs".to_owned())?;
    ensure(t.floor.is_none_or(|f| (0.0..=1.0).contains(&f)), "train.floor", || "a share of the learning rate, from 0 to 1".to_owned())?;
    ensure((1..=100_000).contains(&t.epochs), "train.epochs", || "between 1 and 100000".to_owned())?;
    ensure(t.patience.is_none_or(|n| (1..=100_000).contains(&n)), "train.patience", || "between 1 and 100000".to_owned())?;
    ensure(t.patience.is_none() || t.best != Best::Last, "train.patience", || {
        "patience waits for a smaller loss, and best = \"last\" looks at none".to_owned()
    })?;
    ensure((2..=65_536).contains(&t.batch), "train.batch", || "between 2 and 65536 (batch normalisation needs two spots)".to_owned())?;
    if let Some(r) = &p.augmentation.replay {
        ensure(r.seed <= i64::MAX as u64, "augmentation.replay", || "a seed is at most 2^63 - 1".to_owned())?;
        ensure((1..=1024).contains(&r.workers), "augmentation.replay", || "between 1 and 1024 workers".to_owned())?;
    }
    let d = &p.determinism;
    ensure((1..=1024).contains(&d.threads), "determinism.threads", || "between 1 and 1024".to_owned())?;
    ensure((1..=10_080).contains(&d.save_minutes), "determinism.save_minutes", || "between 1 and 10080 minutes".to_owned())?;
    ensure((1..=64).contains(&d.loader_threads), "determinism.loader_threads", || "between 1 and 64".to_owned())?;
    ensure(
        d.class != Class::Portable || (d.instruction_set == InstructionSet::Avx2 && d.device == Device::Cpu),
        "determinism.class",
        || "'portable' needs instruction_set = \"avx2\" and device = \"cpu\"".to_owned(),
    )?;
    ensure((-1.0..=1.0).contains(&p.metrics.threshold), "metrics.threshold", || "a correlation".to_owned())
}

/// The digits in the name of a weight file that was imported from a published one: the first ones of that file's SHA-256,
/// after the last hyphen (`resnet18-f37072fd.safetensors`).
pub fn source_digits(name: &str) -> Option<&str> {
    let digits = name.strip_suffix(".safetensors")?.rsplit_once('-')?.1;
    let sound = (8..=64).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    sound.then_some(digits)
}
