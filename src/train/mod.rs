//! Floor: train.
