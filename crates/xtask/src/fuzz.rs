//! Runs every fuzz target for a short while.

use std::path::Path;
use std::process::Command;

use crate::{root, say};

/// How long each target runs unless somebody says otherwise.
const SECONDS: u32 = 10;

/// Every target, and the folder of its first inputs. `Cargo.toml` of `fuzz` lists the targets too.
const TARGETS: &[(&str, &str)] = &[
    ("certificate", "crates/phoenix-formats/tests/corpus/certificate"),
    ("dnsmasq", "fuzz/seeds/dnsmasq"),
    ("firewall", "crates/phoenix-formats/tests/corpus/fw"),
    ("fstab", "fuzz/seeds/fstab"),
    ("hosts", "fuzz/seeds/hosts"),
    ("interfaces", "crates/phoenix-formats/tests/corpus/interfaces"),
    ("iproute", "fuzz/seeds/iproute"),
    ("iptables", "crates/phoenix-formats/tests/corpus/iptables"),
    ("lxc_conf", "crates/phoenix-formats/tests/corpus/conf"),
    ("net", "fuzz/seeds/net"),
    ("nginx", "crates/phoenix-formats/tests/corpus/nginx"),
    ("pct", "fuzz/seeds/pct"),
    ("property", "fuzz/seeds/property"),
    ("qm", "fuzz/seeds/qm"),
    ("resolv_conf", "fuzz/seeds/resolv_conf"),
    ("subid", "fuzz/seeds/subid"),
    ("yaml", "crates/phoenix-formats/tests/corpus/yaml"),
];

/// Runs the targets, each to its end in time or to its first failure.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let seconds = seconds(arguments)?;
    let present = cargo_fuzz(&["--version"]).output().is_ok_and(|output| output.status.success());
    if !present {
        return Err("there is no cargo-fuzz: `cargo install cargo-fuzz` brings it".to_owned());
    }
    let failed = TARGETS.iter().filter(|(target, seeds)| !passes(target, seeds, seconds));
    let failed = failed.map(|(target, _)| *target).collect::<Vec<_>>();
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!("failed: {}; the inputs are in `fuzz/artifacts`", failed.join(" "))),
    }
}

fn seconds(arguments: &[String]) -> Result<u32, String> {
    match arguments {
        [] => Ok(SECONDS),
        [option, number] if option == "--seconds" => {
            number.parse().map_err(|_| format!("`{number}` is no number of seconds"))
        }
        _ => Err("usage: cargo xtask fuzz [--seconds N]".to_owned()),
    }
}

fn passes(target: &str, seeds: &str, seconds: u32) -> bool {
    say(&format!("fuzzing {target} for {seconds} s"));
    let corpus = root().join("fuzz/corpus").join(target);
    let folder = std::fs::create_dir_all(&corpus);
    let status = cargo_fuzz(&["run", "--sanitizer", "none", target])
        .args([&corpus, Path::new(&root().join(seeds))])
        .args(["--", "-close_fd_mask=1", "-verbosity=0", "-max_len=4096"])
        .arg(format!("-max_total_time={seconds}"))
        .status();
    folder.is_ok() && status.is_ok_and(|status| status.success())
}

/// Returns the command for cargo-fuzz on the compiler of everything else.
///
/// It wants options of a nightly compiler, which the variable allows a stable one. There is no sanitizer, since
/// there is no `unsafe` code to find errors in.
fn cargo_fuzz(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.arg("fuzz").args(arguments).current_dir(root()).env("RUSTC_BOOTSTRAP", "1");
    command
}
