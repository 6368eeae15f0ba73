//! Floor: plan.
