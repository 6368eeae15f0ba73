//! The program: parse, run, map the error to an exit code.

fn main() {
    std::process::exit(pinfold::cli::main());
}
