//! The engine: every command, libtorch among what it is linked with. `front/` holds the program that starts at once.

fn main() {
    std::process::exit(pinfold::cli::main());
}
