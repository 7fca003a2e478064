//! Where the node's symbolic links lead, and its time zone.

use std::net::IpAddr;

use phoenix_formats::hosts::Hosts;
use phoenix_formats::property::is_time_zone;
use phoenix_planner::probe::Output;

use super::{SimulatedNode, done, fail};
use crate::node::NodeError;

/// The link that names the time zone.
const LOCALTIME: &str = "/etc/localtime";

/// Debian's own note of the zone, which timedatectl(1) keeps up where there is one.
const TIMEZONE: &str = "/etc/timezone";

/// The file of names that need no server.
const HOSTS: &str = "/etc/hosts";

/// What getent(1) ends with when a name is in no source.
const NOT_KNOWN: i32 = 2;

const ZONES: &str = "/usr/share/zoneinfo";

impl SimulatedNode {
    /// Answers `readlink -- PATH`, which fails silently for what is no link.
    pub(super) fn readlink(&self, path: &str) -> Output {
        match self.files.link(path) {
            Some(target) => done(target + "\n"),
            None => fail(1, ""),
        }
    }

    /// Answers `readlink --canonicalize-existing -- PATH`.
    ///
    /// The zones of tzdata are on every node, and in no captured folder.
    pub(super) fn real_path(&self, path: &str) -> Output {
        let real = self.files.real_existing(path);
        let zone = path.strip_prefix(ZONES).and_then(|zone| zone.strip_prefix('/'));
        match real {
            Some(real) => done(real + "\n"),
            None if zone.is_some_and(is_time_zone) => done(format!("{path}\n")),
            None => fail(1, ""),
        }
    }

    /// Answers `getent ahostsv4 NAME` from hosts(5) alone: a captured folder asks no server.
    pub(super) fn host_address(&self, name: &str) -> Output {
        let hosts = Hosts::parse(&self.text(HOSTS).unwrap_or_default());
        let addresses = hosts.addresses_of(name).into_iter().filter(IpAddr::is_ipv4);
        let lines = addresses.map(|address| format!("{address:<15} STREAM {name}\n"));
        let lines = lines.collect::<String>();
        if lines.is_empty() { fail(NOT_KNOWN, "") } else { done(lines) }
    }

    /// Runs `timedatectl set-timezone`.
    pub(super) fn set_timezone(&self, zone: &str) -> Result<Output, NodeError> {
        let path = format!("{ZONES}/{zone}");
        if self.real_path(&path).exit != 0 {
            return Ok(fail(1, format!("`{zone}` is not the name of a time zone here")));
        }
        self.files.put_link(LOCALTIME, &format!("..{path}"))?;
        if self.text(TIMEZONE).is_some() {
            self.put_text(TIMEZONE, &format!("{zone}\n"))?;
        }
        Ok(done(""))
    }
}
