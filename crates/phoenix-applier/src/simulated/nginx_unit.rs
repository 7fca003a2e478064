//! nginx's packages and its unit in a guest, as Debian has them.
//!
//! `live/guests/101/units` has `nginx.service disabled` and `nginx.service masked` for a unit that is not as usual: one
//! that was captured is enabled. A mask lasts until the guest stops.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::nginx::Socket;
use phoenix_formats::property::PropertyText;
use phoenix_planner::location::Place;
use phoenix_planner::probe::Output;

use super::live::note_path;
use super::{SimulatedNode, done, fail};
use crate::local::root::Missing;
use crate::node::NodeError;

/// The package with the program, and the one with the part that speaks TCP.
const PACKAGE: &str = "nginx";
const STREAM: &str = "libnginx-mod-stream";

/// What the packages put where there is no such file: a file that is there stays, as `--force-confold` has it.
const FILES: [(&str, &str); 4] = [
    (
        "/etc/nginx/nginx.conf",
        "user www-data;\nworker_processes auto;\npid /run/nginx.pid;\n\
         include /etc/nginx/modules-enabled/*.conf;\n\nevents {\n\tworker_connections 768;\n}\n\nhttp {\n\
         \tinclude /etc/nginx/mime.types;\n\tinclude /etc/nginx/conf.d/*.conf;\n\
         \tinclude /etc/nginx/sites-enabled/*;\n}\n",
    ),
    ("/etc/nginx/mime.types", "types {\n    text/html html htm shtml;\n}\n"),
    (
        SITE,
        "server {\n\tlisten 80 default_server;\n\tlisten [::]:80 default_server;\n\troot /var/www/html;\n}\n",
    ),
    ("/usr/lib/systemd/system/nginx.service", "[Install]\nWantedBy=multi-user.target\n"),
];

const SITE: &str = "/etc/nginx/sites-available/default";
const SITE_LINK: &str = "/etc/nginx/sites-enabled/default";

const MODULE: &str = "/usr/share/nginx/modules-available/mod-stream.conf";
const MODULE_LINK: &str = "/etc/nginx/modules-enabled/50-mod-stream.conf";
const MODULE_TEXT: &str = "load_module modules/ngx_stream_module.so;\n";

/// The unit.
const UNIT: &str = "nginx.service";

/// What systemctl(1) ends with for a unit that is masked or disabled, and what apt-get(8) does when it fails.
const NOT_ENABLED: i32 = 1;
const APT_FAILED: i32 = 100;

impl SimulatedNode {
    fn nginx_is(&self, vmid: Vmid, word: &str) -> bool {
        self.noted(vmid, "units").lines().any(|line| line == format!("{UNIT} {word}"))
    }

    fn set_nginx(&self, vmid: Vmid, word: &str, on: On) -> Result<(), NodeError> {
        let note = self.noted(vmid, "units");
        let own = format!("{UNIT} {word}");
        let mut lines = note.lines().filter(|line| *line != own).collect::<Vec<_>>();
        lines.extend((on == On::Yes).then_some(own.as_str()));
        let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let text = Some(text.as_str()).filter(|text| !text.is_empty());
        self.put_state(&note_path(vmid, "units"), text)
    }

    /// Returns whether one of nginx's packages is in a guest; `None` for other packages.
    ///
    /// A guest that was captured with nginx's files has the packages that brought them.
    pub(super) fn has_nginx_package(&self, vmid: Vmid, name: &str) -> Option<bool> {
        let has = |path: &str| self.guest_files(vmid).is_some_and(|files| files.has(path));
        match name {
            PACKAGE => Some(self.guest_has(vmid, name) || self.has_nginx(vmid)),
            STREAM => Some(self.guest_has(vmid, name) || has(MODULE_LINK)),
            _ => None,
        }
    }

    /// Answers `systemctl is-enabled nginx.service`.
    pub(super) fn nginx_is_enabled(&self, vmid: Vmid) -> Output {
        let answer = |word: &str| Output { exit: NOT_ENABLED, ..done(format!("{word}\n")) };
        if self.nginx_is(vmid, "masked") {
            answer("masked-runtime")
        } else if !self.has_nginx(vmid) {
            fail(NOT_ENABLED, "there is no unit file of nginx.service")
        } else if self.nginx_is(vmid, "disabled") {
            answer("disabled")
        } else {
            done("enabled\n")
        }
    }

    /// Runs systemctl(1) with words that change the unit; `None` for others.
    pub(super) fn change_nginx(
        &self,
        vmid: Vmid,
        words: &[&str],
    ) -> Result<Option<Output>, NodeError> {
        Ok(Some(match words {
            ["restart", UNIT] => self.restart_nginx(vmid)?,
            ["stop", UNIT] => self.stop_nginx(vmid)?,
            ["reload", UNIT] => self.reload_nginx(vmid)?,
            ["enable", UNIT] if self.nginx_is(vmid, "masked") => {
                fail(1, "the unit nginx.service is masked")
            }
            ["enable", UNIT] if self.has_nginx(vmid) => {
                self.set_nginx(vmid, "disabled", On::No)?;
                done("")
            }
            ["mask", "--runtime", UNIT] => {
                self.set_nginx(vmid, "masked", On::Yes)?;
                done("")
            }
            ["unmask", "--runtime", UNIT] => {
                self.set_nginx(vmid, "masked", On::No)?;
                done("")
            }
            _ => return Ok(None),
        }))
    }

    /// Returns why the unit cannot be started whatever its files say.
    pub(super) fn nginx_mask(&self, vmid: Vmid) -> Option<Output> {
        self.nginx_is(vmid, "masked").then(|| fail(1, "the unit nginx.service is masked"))
    }

    /// Starts nginx with its guest, where it is enabled; a mask of the last boot is gone.
    pub(super) fn boot_nginx(&self, vmid: Vmid) -> Result<(), NodeError> {
        self.set_nginx(vmid, "masked", On::No)?;
        if self.nginx_is(vmid, "disabled") {
            self.stop_nginx(vmid).map(drop)
        } else {
            self.restart_nginx(vmid).map(drop)
        }
    }

    /// Puts the files of a package where there are none, and starts the service unless it is masked; returns how
    /// the installation fails, when it does.
    pub(super) fn install_nginx(
        &self,
        vmid: Vmid,
        name: &str,
    ) -> Result<Option<Output>, NodeError> {
        if self.has_nginx_package(vmid, name) != Some(false) {
            return Ok(None);
        }
        if name == STREAM {
            self.put_new(vmid, MODULE, MODULE_TEXT)?;
            return self.link_new(vmid, MODULE_LINK, MODULE).map(|()| None);
        }
        for (path, text) in FILES {
            self.put_new(vmid, path, text)?;
        }
        self.link_new(vmid, SITE_LINK, SITE)?;
        self.set_nginx(vmid, "disabled", On::No)?;
        if self.nginx_is(vmid, "masked") {
            self.set_nginx(vmid, "disabled", On::Yes)?;
            self.stop_nginx(vmid)?;
            return Ok(None);
        }
        let started = self.restart_nginx(vmid)?;
        Ok((!started.success()).then(|| fail(APT_FAILED, started.stderr)))
    }

    fn put_new(&self, vmid: Vmid, path: &str, text: &str) -> Result<(), NodeError> {
        let present = self.guest_files(vmid).is_some_and(|files| files.has(path));
        if !present {
            self.put(Place::Guest(vmid), path, text, Missing::Make)?;
        }
        Ok(())
    }

    fn link_new(&self, vmid: Vmid, path: &str, to: &str) -> Result<(), NodeError> {
        match self.guest_files(vmid) {
            Some(files) if files.link(path).is_none() && !files.has(path) => {
                files.put_link(path, to)
            }
            _ => Ok(()),
        }
    }

    /// Returns where a path of a guest is on the node, when a folder of the node is mounted above it.
    pub(super) fn folder_behind(&self, vmid: Vmid, path: &str) -> Option<String> {
        let conf = LxcConf::parse(&self.conf_text(vmid)?);
        let of = |key: &str, value: &str| {
            key.strip_prefix("mp")?.parse::<u16>().ok()?;
            let mount = PropertyText::parse(value);
            let folder = mount.bare().filter(|bare| bare.starts_with('/'))?;
            let rest = path.strip_prefix(mount.get("mp")?)?.strip_prefix('/')?;
            Some(format!("{folder}/{rest}"))
        };
        conf.entries().find_map(|(key, value)| of(key, value))
    }

    /// Finds a file of TLS that is named and missing, in a folder of the node that is mounted.
    ///
    /// What a captured nginx names may be missing, since keys are not captured: it is asked of one that was installed
    /// since.
    pub(super) fn missing_tls_file(
        &self,
        vmid: Vmid,
        named: impl IntoIterator<Item = String>,
    ) -> Option<String> {
        if !self.guest_has(vmid, PACKAGE) {
            return None;
        }
        let is_missing = |path: &String| {
            self.folder_behind(vmid, path).is_some_and(|on_node| !self.files.has(&on_node))
        };
        let missing = named.into_iter().find(is_missing)?;
        Some(format!("cannot load \"{missing}\": No such file or directory"))
    }
}

/// Whether something is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Yes,
    No,
}

/// Returns the sockets after a reload: where one that is new cannot be bound beside an old one, all stays as it was,
/// and systemd hears nothing of it (measured).
pub(super) fn reloaded(old: &BTreeSet<Socket>, asked: BTreeSet<Socket>) -> BTreeSet<Socket> {
    let is_taken = |new: &Socket| old.iter().any(|old| old != new && collide(old, new));
    if asked.iter().any(|new| !old.contains(new) && is_taken(new)) { old.clone() } else { asked }
}

fn collide(one: &Socket, other: &Socket) -> bool {
    let all = |socket: &Socket| match socket {
        Socket::Dual(port) => Some((true, *port)),
        Socket::Tcp(ip, port) => Some((ip.is_unspecified() && *ip == Ipv4Addr::UNSPECIFIED, *port)),
        Socket::Unix(_) => None,
    };
    match (all(one), all(other)) {
        (Some((wide, port)), Some((other_wide, other_port))) => {
            port == other_port && (wide || other_wide)
        }
        _ => false,
    }
}
