//! Floor: nn.
