//! Why something is stale: the first leaf in which two sets of parameters differ.

use crate::base::canon;
use serde::Serialize;
use serde_json::Value;

/// A parameter that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its dotted key.
    pub key: String,
    /// Its locked value, as JSON (`null` where there was none).
    pub locked: String,
    /// Its value now.
    pub current: String,
}

/// The differences between locked and current canonical parameters, in key order; none when nothing is stale.
pub fn why_stale(locked: &Value, current: &Value) -> Vec<Difference> {
    canon::differences(locked, current).into_iter().map(|(key, locked, current)| Difference { key, locked, current }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_leaf_that_moved_is_named() {
        let d = why_stale(&json!({"train": {"epochs": 2}, "seed": 1}), &json!({"train": {"epochs": 3}, "seed": 1}));
        assert_eq!(d.len(), 1);
        assert_eq!((d[0].key.as_str(), d[0].locked.as_str(), d[0].current.as_str()), ("train.epochs", "2", "3"));
        assert!(why_stale(&json!({"a": 1, "b": 2}), &json!({"b": 2, "a": 1})).is_empty());
    }
}
