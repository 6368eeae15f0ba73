//! stub
/// stub
#[derive(clap::Args)]
pub struct Args {}
/// stub
pub fn run(_: Args) -> crate::base::Result<()> { Ok(()) }
