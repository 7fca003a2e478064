//! Embeds the example of `phoenix demo`, so that the program shows it wherever it is installed.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The example that a newcomer sees first.
const EXAMPLE: &str = "../../examples/macvlan-upgrade";

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join(EXAMPLE);
    println!("cargo::rerun-if-changed={EXAMPLE}");
    let mut entries = Vec::new();
    collect(&root, &mut entries)?;
    entries.sort();
    let mut code = String::from("const DEMO: &[(&str, Embedded)] = &[\n");
    for path in entries {
        let name = path.strip_prefix(&root).map_err(io::Error::other)?;
        let line = if path.is_symlink() {
            format!("Embedded::Link({:?})", fs::read_link(&path)?)
        } else {
            format!("Embedded::File(include_str!({:?}))", fs::canonicalize(&path)?)
        };
        writeln!(code, "    ({name:?}, {line}),").map_err(io::Error::other)?;
    }
    code.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("demo.rs"), code)
}

fn collect(folder: &Path, entries: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            collect(&path, entries)?;
        } else {
            entries.push(path);
        }
    }
    Ok(())
}
