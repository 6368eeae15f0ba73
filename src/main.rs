//! pinfold.
fn main() {}
