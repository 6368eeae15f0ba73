//! The state of the interface: plain data that one frame is drawn from, and nothing that draws or asks.

use super::action::Screen;
use super::facts::{
    AuditProgress, Audited, Depth, Figure, Interval, Picture, ProtocolCard, ProtocolState, Results, RunCard, RunGlance, RunId, RunView,
    SpotMap, StatusLine, Tissue, Walk,
};
use super::field::Field;
use super::graphics::Knowledge;
use super::message::Request;
use super::panes::{Panes, Zoom};
use crate::base::Failure;
use std::collections::BTreeSet;

/// Something that is asked for, may fail, and is shown as it last was while it is asked for again.
#[derive(Clone, Debug, PartialEq)]
pub struct Load<T> {
    /// What was asked; an answer to anything else is too late and is dropped.
    pub asked: Option<Request>,
    /// The last question that was answered, well or badly.
    pub answered: Option<Request>,
    /// The last good answer.
    pub value: Option<T>,
    /// Why the last answer is not good.
    pub failure: Option<Failure>,
}

impl<T> Default for Load<T> {
    fn default() -> Self {
        Self { asked: None, answered: None, value: None, failure: None }
    }
}

impl<T> Load<T> {
    /// Notes a question. The old value stays only when it answered the same question.
    pub fn ask(&mut self, request: &Request) {
        if self.asked.as_ref() != Some(request) {
            *self = Self { asked: Some(request.clone()), ..Self::default() };
        }
    }

    /// Takes an answer, if it is one to the present question.
    pub fn take(&mut self, request: &Request, answer: crate::base::Result<T>) -> bool {
        if self.asked.as_ref() != Some(request) {
            return false;
        }
        self.answered = Some(request.clone());
        match answer {
            Ok(value) => {
                self.value = Some(value);
                self.failure = None;
            }
            // What was known stays known, but is no longer shown as if it were fresh.
            Err(failure) => self.failure = Some(failure),
        }
        true
    }

    /// The value, where nothing failed since.
    pub fn good(&self) -> Option<&T> {
        if self.failure.is_some() { None } else { self.value.as_ref() }
    }
}

/// What the text field is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Narrows the protocols.
    ProtocolSearch,
    /// Narrows the genes.
    GeneSearch,
    /// Narrows the log.
    LogSearch,
    /// An override, `key=value`.
    Override,
    /// A line of the protocol's file, `key=value`.
    Edit,
    /// A command, in the words of the command line.
    Command,
}

/// What a drawer over the body tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// Its heading.
    pub title: String,
    /// What it says.
    pub body: SheetBody,
    /// The first line shown.
    pub scroll: usize,
    /// The question whose answer it waits for.
    pub waits_for: Option<Request>,
}

/// The kinds of things a drawer tells.
#[derive(Clone, Debug, PartialEq)]
pub enum SheetBody {
    /// Words.
    Words(String),
    /// A failure, and the key that gets past it where there is one.
    Failure(Failure, Option<&'static str>),
}

/// The column that genes are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// Pearson correlation.
    #[default]
    Pcc,
    /// Rank correlation.
    Spearman,
    /// Moran's I of the truth.
    Moran,
    /// Mean expression.
    Abundance,
    /// Symbol.
    Name,
}

impl SortBy {
    /// The next column.
    pub fn next(self) -> Self {
        match self {
            Self::Pcc => Self::Spearman,
            Self::Spearman => Self::Moran,
            Self::Moran => Self::Abundance,
            Self::Abundance => Self::Name,
            Self::Name => Self::Pcc,
        }
    }
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcc => "PCC",
            Self::Spearman => "Spearman",
            Self::Moran => "Moran's I",
            Self::Abundance => "abundance",
            Self::Name => "name",
        }
    }
}

/// All state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The screen now.
    pub screen: ScreenState,
    /// The bottom line.
    pub status: Load<StatusLine>,
    /// The protocols.
    pub protocols: Load<Vec<ProtocolCard>>,
    /// The line under the cursor among those shown.
    pub protocol_cursor: usize,
    /// What the protocols are narrowed by.
    pub protocol_search: String,
    /// The protocol that every other screen is about.
    pub chosen: Option<String>,
    /// The steps.
    pub walk: Load<Walk>,
    /// The step under the cursor.
    pub step: usize,
    /// The parameter under the cursor.
    pub parameter: usize,
    /// Overrides for the next run, `key=value`.
    pub overrides: Vec<String>,
    /// Whether a run was started with them.
    pub overrides_used: bool,
    /// All runs.
    pub runs: Load<Vec<RunCard>>,
    /// The run on the screen.
    pub run: Load<RunView>,
    /// Every run at work, while several are.
    pub glances: Load<Vec<RunGlance>>,
    /// What the log is narrowed by.
    pub log_search: String,
    /// The least level of the log that is shown.
    pub log_level: super::facts::Level,
    /// How many log lines are hidden below the window.
    pub log_back: usize,
    /// The numbers.
    pub results: Load<Results>,
    /// The gene under the cursor among those shown.
    pub gene: usize,
    /// What the genes are narrowed by.
    pub gene_search: String,
    /// How they are sorted.
    pub sort: SortBy,
    /// Whether the order is turned round.
    pub reversed: bool,
    /// The slide on the map.
    pub slide: usize,
    /// The map.
    pub map: Load<SpotMap>,
    /// How sure the numbers are.
    pub intervals: Load<Vec<Interval>>,
    /// The tissue below the map.
    pub tissue: Load<Tissue>,
    /// Which of truth, prediction and tissue are drawn.
    pub panes: Panes,
    /// Which part of the slide they show.
    pub zoom: Zoom,
    /// Whether truth and prediction have each their own colour scale.
    pub own_scales: bool,
    /// What is locked, as the lock alone says.
    pub locked: Load<Audited>,
    /// What the newest audit said.
    pub audit: Load<Audited>,
    /// How far the audit at work is.
    pub audit_progress: Load<Option<AuditProgress>>,
    /// How deep the next audit looks.
    pub depth: Depth,
    /// The line of the tree under the cursor.
    pub audit_row: usize,
    /// Nodes of the tree that are open where they would be closed, or closed where they would be open.
    pub turned: BTreeSet<super::tree::Node>,
    /// The figures.
    pub reports: Load<Vec<Figure>>,
    /// The figure under the cursor.
    pub figure: usize,
    /// Its picture.
    pub picture: Load<Picture>,
    /// How many pictures have come so far: the output tells by it whether a picture is a new one.
    pub picture_number: u64,
    /// Which pictures the terminal shows, as far as that is known.
    pub graphics: Knowledge,
    /// Whether the picture or map has the whole body.
    pub large: bool,
    /// The drawer.
    pub sheet: Option<Sheet>,
    /// The first line of the help, while it is open.
    pub help: Option<usize>,
    /// The text field, while one is open.
    pub field: Option<(Purpose, Field)>,
    /// The commands that there are.
    pub commands: Load<Vec<(String, String)>>,
    /// The commands that were given, oldest first.
    pub said: Vec<String>,
    /// How far back among them the field stands; 0 for a new one.
    pub said_back: usize,
    /// One line of news, until the next key.
    pub notice: Option<String>,
    /// Questions on their way.
    pub pending: BTreeSet<Request>,
    /// Half seconds since the start.
    pub ticks: u64,
    /// Whether `q` was pressed once where something would be lost.
    pub quit_armed: bool,
}

/// The protocol that a run is of; one with overrides has `+` and some digits after it.
pub fn base(name: &str) -> &str {
    name.split('+').next().unwrap_or(name)
}

/// The present screen and the way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScreenState {
    /// The screen now.
    pub now: Screen,
    /// The screens that Esc goes back to, oldest first.
    pub trail: Vec<Screen>,
    /// The screens that Esc came back from, the nearest last.
    pub ahead: Vec<Screen>,
}

impl Default for ScreenState {
    fn default() -> Self {
        Self { now: Screen::Protocols, trail: Vec::new(), ahead: Vec::new() }
    }
}

impl Model {
    /// The protocols that the search leaves.
    pub fn shown_protocols(&self) -> Vec<&ProtocolCard> {
        let needle = self.protocol_search.to_lowercase();
        let cards = self.protocols.good().map(Vec::as_slice).unwrap_or_default();
        let hit = |text: &str| text.to_lowercase().contains(&needle);
        cards.iter().filter(|c| hit(&c.name) || hit(&c.title) || hit(&c.system)).collect()
    }

    /// The card of the chosen protocol.
    pub fn card(&self) -> Option<&ProtocolCard> {
        let name = self.chosen.as_ref()?;
        self.protocols.value.as_ref()?.iter().find(|c| &c.name == name)
    }

    /// The genes that the search leaves, sorted. Ties, and genes without a value, keep the panel's order.
    pub fn shown_genes(&self) -> Vec<&super::facts::GeneRow> {
        let needle = self.gene_search.to_lowercase();
        let Some(results) = self.results.good() else { return Vec::new() };
        let mut genes: Vec<_> =
            results.genes.iter().filter(|g| g.name.to_lowercase().contains(&needle) || g.class.to_lowercase().contains(&needle)).collect();
        let value = |g: &super::facts::GeneRow| match self.sort {
            SortBy::Pcc => g.pcc,
            SortBy::Spearman => g.spearman,
            SortBy::Moran => g.moran,
            SortBy::Abundance => g.abundance,
            SortBy::Name => None,
        };
        if self.sort == SortBy::Name {
            genes.sort_by(|a, b| a.name.cmp(&b.name));
            if self.reversed {
                genes.reverse();
            }
            return genes;
        }
        genes.sort_by(|a, b| match (value(a).filter(|v| !v.is_nan()), value(b).filter(|v| !v.is_nan())) {
            (Some(x), Some(y)) if self.reversed => x.total_cmp(&y),
            (Some(x), Some(y)) => y.total_cmp(&x),
            // Without a value: last, whichever way round.
            (x, y) => x.is_none().cmp(&y.is_none()),
        });
        genes
    }

    /// The runs that the Run screen turns through: those of the chosen protocol, then those at work of others.
    pub fn shown_runs(&self) -> Vec<&RunCard> {
        let runs = self.runs.value.as_deref().unwrap_or_default();
        let Some(chosen) = &self.chosen else { return runs.iter().collect() };
        let own = |r: &&RunCard| base(&r.protocol) == chosen;
        runs.iter().filter(own).chain(runs.iter().filter(|r| !own(r) && r.state.is_live())).collect()
    }

    /// The lines of the log that level and search leave, oldest first.
    pub fn shown_log(&self) -> Vec<&super::facts::LogLine> {
        let needle = self.log_search.to_lowercase();
        let log = self.run.value.as_ref().map(|r| r.log.as_slice()).unwrap_or_default();
        log.iter().filter(|l| l.level >= self.log_level && l.text.to_lowercase().contains(&needle)).collect()
    }

    /// The tree on the Audit screen: an audit's, else the lock's own.
    pub fn shown_audit(&self) -> Option<&Audited> {
        let name = self.chosen.as_ref()?;
        let own = matches!(&self.audit.asked, Some(Request::Audit(asked, _)) if asked == name);
        let audited = if own { self.audit.value.as_ref() } else { None };
        audited.or_else(|| self.locked.good())
    }

    /// The lines of that tree.
    pub fn audit_rows(&self) -> Vec<super::tree::Row<'_>> {
        self.shown_audit().map(|a| super::tree::rows(a, &self.turned)).unwrap_or_default()
    }

    /// The audit that is being done.
    pub fn audit_at_work(&self) -> Option<(&str, Depth)> {
        self.pending.iter().find_map(|r| if let Request::Audit(name, depth) = r { Some((name.as_str(), *depth)) } else { None })
    }

    /// The run on the screen.
    pub fn run_id(&self) -> Option<&RunId> {
        match &self.run.asked {
            Some(Request::Run(id)) => Some(id),
            _ => None,
        }
    }

    /// Whether the run on the screen is at work.
    pub fn run_is_live(&self) -> bool {
        self.run.value.as_ref().is_some_and(|r| r.state.is_live())
    }

    /// Whether the chosen protocol is at work.
    pub fn chosen_is_running(&self) -> bool {
        self.card().is_some_and(|c| c.state == ProtocolState::Running)
    }

    /// Rows between the tabs and the two lines at the bottom.
    pub fn body_height(&self) -> usize {
        usize::from(self.size.1.saturating_sub(3))
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::GeneRow;
    use super::*;

    #[test]
    fn genes_without_a_value_come_last_both_ways_round() {
        let gene = |name: &str, pcc| GeneRow { name: name.into(), pcc, ..GeneRow::default() };
        let results = Results {
            genes: vec![gene("A", None), gene("B", Some(0.1)), gene("C", Some(0.4)), gene("D", Some(f64::NAN))],
            ..Results::default()
        };
        let mut model = Model { results: Load { value: Some(results), ..Load::default() }, ..Model::default() };
        let names = |m: &Model| m.shown_genes().iter().map(|g| g.name.clone()).collect::<String>();
        assert_eq!(names(&model), "CBAD");
        model.reversed = true;
        assert_eq!(names(&model), "BCAD");
    }

    #[test]
    fn a_late_answer_is_dropped() {
        let mut load = Load::default();
        let (old, new) = (Request::Results("a".into()), Request::Results("b".into()));
        load.ask(&old);
        load.ask(&new);
        assert!(!load.take(&old, Ok(1)));
        assert!(load.take(&new, Ok(2)));
        assert_eq!(load.value, Some(2));
    }
}
