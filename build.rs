//! Finds the folder that the program loads libtorch from at run time, and compiles the one C++ file of ours.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "train")]
    train::link();
}

#[cfg(feature = "train")]
mod train {
    use std::path::{Path, PathBuf};

    /// Names the run path and compiles `src/train/shim.cpp` against the headers in `LIBTORCH`.
    pub fn link() {
        println!("cargo:rerun-if-env-changed=LIBTORCH");
        println!("cargo:rerun-if-changed=src/train/shim.cpp");
        let Some(links) = std::env::var_os("LIBTORCH").map(PathBuf::from) else {
            panic!(
                "\n\n  libtorch is not set up: run `make setup` once, then build again.\n  (Without libtorch: cargo build -p pinfold-front audits, reports and browses.)\n"
            );
        };
        if !links.join("lib/libtorch_cpu.so").exists() {
            panic!(
                "\n\n  {} holds no libtorch: run `make setup` once, then build again.\n  (Without libtorch: cargo build -p pinfold-front audits, reports and browses.)\n",
                links.display()
            );
        }
        println!("cargo:rerun-if-changed={}", links.join(".made-from").display());
        let real = real_lib(&links);
        let real = real.display();
        println!("cargo:rustc-env=PINFOLD_TORCH_LIB={real}");
        println!("cargo:rustc-link-arg=-Wl,-rpath,{real}");
        // libtorch_cpu finds its own companions through its own run path; the linker need not see them.
        println!("cargo:rustc-link-arg=-Wl,--allow-shlib-undefined");
        if Path::new("src/train/shim.cpp").exists() {
            cc::Build::new()
                .cpp(true)
                .std("c++17")
                .warnings(false)
                .include(links.join("include"))
                .include(links.join("include/torch/csrc/api/include"))
                .file("src/train/shim.cpp")
                .compile("pinfold_shim");
            println!("cargo:rustc-link-lib=dylib=dl");
        }
    }

    /// The wheel's own `lib` folder: written by `make setup`, or the given folder itself.
    fn real_lib(links: &Path) -> PathBuf {
        match std::fs::read_to_string(links.join("real-lib")) {
            Ok(text) => PathBuf::from(text.trim()),
            Err(_) => links.join("lib"),
        }
    }
}
