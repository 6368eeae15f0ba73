//! `pinfold`: the workbench and the quick commands without libtorch; what trains is handed to `pinfold-engine` beside it.

fn main() {
    std::process::exit(pinfold_front::cli::start());
}
