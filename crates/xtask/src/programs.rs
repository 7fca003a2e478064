//! The real programs that the tests compare phoenix with.

use std::path::Path;
use std::process::Command;

use crate::say;

/// A program that tests run, and the Debian package that has it.
struct Program {
    name: &'static str,
    package: &'static str,
}

/// What the tests run. Everything else that they need comes with cargo and a Debian base.
const PROGRAMS: &[Program] = &[
    Program { name: "nginx", package: "nginx-light" },
    Program { name: "openssl", package: "openssl" },
    Program { name: "perl", package: "perl-base" },
    Program { name: "ip", package: "iproute2" },
    Program { name: "dnsmasq", package: "dnsmasq-base" },
    Program { name: "iptables-save", package: "iptables" },
    Program { name: "unshare", package: "util-linux" },
    Program { name: "curl", package: "curl" },
    Program { name: "nft", package: "nftables" },
    Program { name: "caddy", package: "caddy" },
    Program { name: "update-ca-certificates", package: "ca-certificates" },
    // They bring Traefik, which Debian does not have.
    Program { name: "pip3", package: "python3-pip" },
    Program { name: "lxc-start", package: "lxc" },
    Program { name: "qemu-ga", package: "qemu-guest-agent" },
];

/// Where Debian has programs; a user's PATH lacks the sbin folders.
const FOLDERS: &[&str] =
    &["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];

/// Installs the programs that are missing.
pub(crate) fn install() -> Result<(), String> {
    let there = |name: &str| FOLDERS.iter().any(|folder| Path::new(folder).join(name).exists());
    let missing = PROGRAMS.iter().filter(|program| !there(program.name));
    let packages = missing.map(|program| program.package).collect::<Vec<_>>();
    if packages.is_empty() {
        return Ok(());
    }
    say(&format!("installing what the tests need: {}", packages.join(" ")));
    apt_get(&["update"])?;
    apt_get(&[&["install", "--yes", "--no-install-recommends"], packages.as_slice()].concat())
}

fn apt_get(arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("apt-get");
    // A package may start its service; the tests need the program alone.
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!(
            "`apt-get {}` failed: run it as root, or install them by hand",
            arguments.join(" ")
        )),
    }
}
