//! Floor: stage.
