//! What a report is drawn from: places in a graph, or the artifacts that stand there.

/// The parts of a report, in the order in which they are asked for.
#[derive(Clone, Debug)]
pub struct Needs<T> {
    /// Metrics.
    pub evaluate: T,
    /// Slides as they were read.
    pub ingest: T,
    /// Slides with the spots that are left; the same where none was moved or left out.
    pub slides: T,
    /// Folds, and what leaks by them.
    pub split: T,
    /// Targets.
    pub preprocess: T,
    /// What leaks by the pixels.
    pub duplicates: T,
    /// Checkpoints and histories, one a fold.
    pub train: Vec<T>,
    /// Predictions, one a fold.
    pub predict: Vec<T>,
    /// Clusters, one a fold; nothing where the protocol has none.
    pub clusters: Vec<T>,
    /// Prepared images: one, or one a fold; nothing where images are taken as they are.
    pub stain: Vec<T>,
    /// Which spots were moved and left out.
    pub spots: Option<T>,
    /// The stack.
    pub stack: Option<StackNeeds<T>>,
    /// Answers for unlabelled slides.
    pub answers: Option<T>,
}

/// A stack's parts.
#[derive(Clone, Debug)]
pub struct StackNeeds<T> {
    /// What it learns from.
    pub level0: T,
    /// Its trainings.
    pub trained: Vec<T>,
    /// Its metrics.
    pub evaluate: T,
}

impl<T> Needs<T> {
    /// The same parts in another form, each asked for once, in the order of [`Needs::all`].
    pub fn map<U>(&self, mut f: impl FnMut(&T) -> U) -> Needs<U> {
        let mut all = |parts: &[T]| parts.iter().map(&mut f).collect::<Vec<U>>();
        let (train, predict, clusters, stain) = (all(&self.train), all(&self.predict), all(&self.clusters), all(&self.stain));
        Needs {
            evaluate: f(&self.evaluate),
            ingest: f(&self.ingest),
            slides: f(&self.slides),
            split: f(&self.split),
            preprocess: f(&self.preprocess),
            duplicates: f(&self.duplicates),
            train,
            predict,
            clusters,
            stain,
            spots: self.spots.as_ref().map(&mut f),
            stack: self.stack.as_ref().map(|s| StackNeeds {
                level0: f(&s.level0),
                trained: s.trained.iter().map(&mut f).collect(),
                evaluate: f(&s.evaluate),
            }),
            answers: self.answers.as_ref().map(&mut f),
        }
    }
}

impl<T: Clone> Needs<T> {
    /// All parts, each as often as it is named.
    pub fn all(&self) -> Vec<T> {
        let mut out = Vec::new();
        self.map(|part| out.push(part.clone()));
        out
    }
}
