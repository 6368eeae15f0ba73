//! Keys of `[data]` that belong to one kind of data set each, and the median of `[expression]`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where Visium slides lie, and what their files do not say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visium {
    /// Folder below the data root that holds one Space Ranger folder a slide, named like the slide; the data root itself when it is not said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub folder: String,
    /// The full-resolution image below a slide's folder, `{slide}` standing for the slide's name; when it is not said, the only image that is none of Space Ranger's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The organ, such as `liver`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub organ: String,
    /// The donor of each slide, where known: leakage between sides is looked for by donor.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub donors: BTreeMap<String, String>,
}

/// Which imported table is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imported {
    /// The folder below the data root that `pinfold data import` wrote.
    pub folder: String,
}

/// Over which spots a slide's median total is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Median {
    /// Spots with at least one count (scanpy with dense input, and 1.9 always).
    Positive,
    /// All spots, empty ones too (scanpy 1.11 with sparse input).
    All,
}

impl Visium {
    /// What is wrong with these keys: the key and a sentence.
    pub fn problem(&self, slides: &[String]) -> Option<(&'static str, String)> {
        let inside = |path: &str| !path.starts_with('/') && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !self.folder.is_empty() && !inside(&self.folder) {
            return Some(("data.visium.folder", "a path below the data root, without '..'".to_owned()));
        }
        if self.image.as_ref().is_some_and(|i| !inside(i)) {
            return Some(("data.visium.image", "a path below the slide's folder, without '..'".to_owned()));
        }
        let stranger = self.donors.keys().find(|k| !slides.contains(k));
        stranger.map(|k| ("data.visium.donors", format!("slide '{k}' is not among data.slides")))
    }
}
