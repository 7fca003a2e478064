//! What answers about features and certificates become in a captured folder: what the simulated node keeps itself,
//! so that it says something else after an apply. Of key files only their being there is kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use phoenix_planner::location::Place;
use phoenix_planner::probe::Output;

use super::write;

/// The units of guests that the simulated node knows.
const UNITS: [&str; 2] = ["step-ca.service", "traefik.service"];

/// What stands for a unit of a guest whose file was not asked for.
const UNIT: &str = "[Service]\n";

fn files(folder: &Path, place: Place) -> PathBuf {
    match place {
        Place::Node => folder.join("fs"),
        Place::Guest(vmid) | Place::Vm(vmid) => {
            folder.join("guests").join(vmid.to_string()).join("fs")
        }
    }
}

fn notes(folder: &Path, place: Place) -> PathBuf {
    match place {
        Place::Node => folder.join("live"),
        Place::Guest(vmid) | Place::Vm(vmid) => folder.join("live/guests").join(vmid.to_string()),
    }
}

/// Keeps an answer as the simulated node would; returns whether it was one of these.
pub(super) fn keep(
    folder: &Path,
    place: Place,
    argv: &[&str],
    output: &Output,
) -> io::Result<bool> {
    let said = output.stdout.trim();
    match (place, argv) {
        (Place::Node, ["date", "+%s"]) => {}
        (_, ["stat", "--format=%a %u:%g %F", "--", path] | ["stat", "--format=%a", path])
            if !path.starts_with("/etc/pve") =>
        {
            if output.success() {
                stat(folder, place, path, said)?;
            }
        }
        (Place::Guest(_) | Place::Vm(_), ["grep", .., line, path]) if output.success() => {
            add(&files(folder, place).join(path.trim_start_matches('/')), line)?;
        }
        (Place::Guest(_) | Place::Vm(_), ["grep", ..]) => {}
        (Place::Vm(_), ["findmnt", .., path]) => {
            if output.success() {
                add(&notes(folder, place).join("mounts"), &format!("{said} {path}"))?;
            }
        }
        (Place::Guest(_) | Place::Vm(_), ["dpkg-query", .., name]) => {
            if output.success() && said == "installed" && *name != "nftables" {
                add(&notes(folder, place).join("packages"), name)?;
            }
        }
        (Place::Guest(_), ["systemctl", _, unit]) if UNITS.contains(unit) => {
            keep_unit(folder, place, unit, said)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Notes how a unit of a guest is, and that it is there.
fn keep_unit(folder: &Path, place: Place, unit: &str, said: &str) -> io::Result<()> {
    if matches!(said, "enabled" | "disabled") {
        let file = files(folder, place).join("etc/systemd/system").join(unit);
        if !file.exists() {
            write(&file, UNIT)?;
        }
    }
    if matches!(said, "enabled" | "active") {
        add(&notes(folder, place).join("units"), &format!("{unit} {said}"))?;
    }
    Ok(())
}

/// Notes mode and owner of a file, and that it is there; what is in a key file was never asked.
fn stat(folder: &Path, place: Place, path: &str, said: &str) -> io::Result<()> {
    let file = files(folder, place).join(path.trim_start_matches('/'));
    if !file.exists() {
        write(&file, "")?;
    }
    let mut words = said.split(' ');
    let mode = words.next().unwrap_or_default();
    let owner = words.next().unwrap_or("0:0");
    add(&notes(folder, place).join("attributes"), &format!("{mode} {owner} {path}"))
}

fn add(path: &Path, line: &str) -> io::Result<()> {
    let present = fs::read_to_string(path).unwrap_or_default();
    write(path, &format!("{present}{line}\n"))
}
