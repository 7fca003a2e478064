//! The units that phoenix writes, as systemd itself reads them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::Copy;

/// The units of an example's node after its apply.
const UNITS: [(&str, &str); 4] = [
    ("traefik", "node/guests/102/fs/etc/systemd/system/traefik.service"),
    ("trust", "node/guests/103/fs/etc/systemd/system/step-ca.service"),
    ("trust", "node/fs/etc/systemd/system/phoenix-renew.service"),
    ("trust", "node/fs/etc/systemd/system/phoenix-renew.timer"),
];

/// A program that every machine has: systemd looks whether that of a unit is there.
const PROGRAM: &str = "/bin/true";

#[test]
fn systemd_understands_every_line_of_the_units() {
    let Ok(known) = Command::new("systemd-analyze").arg("--version").output() else {
        eprintln!("skipped: there is no systemd-analyze");
        return;
    };
    assert!(known.status.success());
    let copies = ["traefik", "trust"].map(|name| {
        let copy = Copy::of(name);
        let _ = copy.phoenix(&["apply", "--yes"]);
        (name, copy)
    });
    let scratch = Copy::empty();
    let of = |name: &str, file: &str| {
        let (_, copy) = copies.iter().find(|(own, _)| *own == name).unwrap();
        with_a_program(&copy.read(file))
    };
    for (name, file) in UNITS {
        let unit = scratch.path().join(Path::new(file).file_name().unwrap());
        fs::write(unit, of(name, file)).unwrap();
    }
    for (_, file) in UNITS {
        let unit = scratch.path().join(Path::new(file).file_name().unwrap());
        let said = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output();
        let said = said.unwrap();
        assert!(said.status.success(), "{file}: {}", String::from_utf8_lossy(&said.stderr));
        assert_eq!(String::from_utf8_lossy(&said.stderr), "", "{file}");
    }
}

/// Returns a unit that runs what every machine has.
fn with_a_program(unit: &str) -> String {
    let line = |line: &str| match line.split_once('=') {
        Some((key @ ("ExecStart" | "ExecReload"), _)) => format!("{key}={PROGRAM}\n"),
        _ => format!("{line}\n"),
    };
    unit.lines().map(line).collect()
}
