//! What phoenix is measured against: reads the same JSON, renders every file of every container, compares
//! it with the bytes on the node, and writes and syncs what differs. No checks, no graph, no difference.

#[path = "../bench/render.rs"]
mod render;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

fn main() -> ExitCode {
    let words = std::env::args().skip(1).collect::<Vec<_>>();
    let words = words.iter().map(String::as_str).collect::<Vec<_>>();
    let done = match words.as_slice() {
        ["plan", config, node] => run(config, node, |_, _| Ok(())),
        ["apply", config, node] => run(config, node, replace),
        _ => Err(io::Error::other("usage: baseline plan|apply CONFIG NODE")),
    };
    match done {
        Ok(different) => {
            say(&format!("{different} files differ"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "what it found is its result")]
fn say(message: &str) {
    println!("{message}");
}

fn run(config: &str, node: &str, act: impl Fn(&Path, &str) -> io::Result<()>) -> io::Result<usize> {
    let root = Path::new(node).join("fs");
    let text = fs::read_to_string(Path::new(config).join("phoenix_lxc_configs.json"))?;
    let file = serde_json::from_str::<Value>(&text)?;
    let guests = file["lxc_configs"].as_object().into_iter().flatten();
    let mut different = 0;
    for (vmid, declared) in guests {
        let wanted = [
            (root.join(render::conf_path(vmid)), render::conf(vmid, declared)),
            (root.join(render::rules_path(vmid)), render::rules(declared)),
        ];
        for (path, text) in &wanted {
            match fs::read(path) {
                Ok(present) if present == text.as_bytes() => continue,
                // Phoenix does not create containers either.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
                Ok(_) => act(path, text)?,
            }
            different += 1;
        }
    }
    Ok(different)
}

/// Replaces a file as phoenix does in a captured folder: the old text or the new one, on the disk.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let temp = path.with_extension("new");
    let mut file = File::create(&temp)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temp, path)
}
