//! nginx in a guest: what its files ask for, and the sockets that it has since its last start.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use phoenix_formats::Vmid;
use phoenix_formats::nginx::{Listen, ListenAddress, Loaded, LoadedListen, Socket, Subsystem};
use phoenix_planner::location::Location;
use phoenix_planner::probe::{Answer, Output};

use super::live::note_path;
use super::nginx_unit::reloaded;
use super::tree::Tree;
use super::{NOT_FOUND, SimulatedNode, done, fail};
use crate::node::NodeError;

/// nginx's folder in Debian, and its main file.
const FOLDER: &str = "/etc/nginx";
const MAIN: &str = "/etc/nginx/nginx.conf";

/// What stands for the main file where it was not captured: all sites count as loaded.
const BARE_MAIN: &str = "events {}\nhttp {\n    include /etc/nginx/sites-available/*;\n}\n";

/// How deep the folder is read, and how many files: links in it may lead in circles.
const MAX_DEPTH: usize = 8;
const MAX_FILES: usize = 4096;

/// What systemctl(1) ends with when there is no such unit, and when it does not run.
const NO_UNIT: i32 = 5;
const UNKNOWN_STATE: i32 = 4;
const INACTIVE: i32 = 3;

/// What nginx's note says when it runs and listens nowhere; an empty note says that it does not run.
const NOWHERE: &str = "# nginx runs and listens nowhere\n";

/// What nginx does in a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Service {
    Stopped,
    Listening(BTreeSet<Socket>),
}

impl Service {
    fn parse(note: &str) -> Self {
        if note.is_empty() {
            return Self::Stopped;
        }
        Self::Listening(
            note.lines().filter_map(|line| Socket::from_ss_line(&ss_line(line))).collect(),
        )
    }

    fn written(&self) -> String {
        match self {
            Self::Stopped => String::new(),
            Self::Listening(sockets) if sockets.is_empty() => NOWHERE.to_owned(),
            Self::Listening(sockets) => {
                sockets.iter().map(|socket| format!("{socket}\n")).collect()
            }
        }
    }
}

impl SimulatedNode {
    /// Changes files inside a running guest; nginx keeps the sockets that it has.
    pub(super) fn keeping_sockets(
        &self,
        vmid: Vmid,
        change: impl FnOnce() -> Result<(), NodeError>,
    ) -> Result<(), NodeError> {
        let service = self.service(vmid);
        change()?;
        service.map_or(Ok(()), |service| self.note_service(vmid, &service))
    }

    /// Answers `ss -Hltn`.
    pub(super) fn ss(&self, vmid: Vmid) -> Output {
        match self.service(vmid) {
            Some(Service::Listening(sockets)) => {
                let tcp = sockets.iter().filter(|socket| !matches!(socket, Socket::Unix(_)));
                done(tcp.map(|socket| ss_line(&socket.to_string()) + "\n").collect::<String>())
            }
            Some(Service::Stopped) | None => done(""),
        }
    }

    /// Answers `nginx -t`, which binds the sockets but does not mind those that are taken.
    pub(super) fn test_nginx(&self, vmid: Vmid) -> Output {
        let Some(loaded) = self.loaded(vmid) else {
            return fail(NOT_FOUND, "`nginx`: there is no such program");
        };
        match self.fault(vmid, &loaded) {
            Some(fault) => fail(1, format!("nginx: {fault}\nnginx: the test of {MAIN} failed")),
            None => Output { stderr: format!("nginx: the test of {MAIN} is passed\n"), ..done("") },
        }
    }

    /// Answers `systemctl is-active nginx.service`.
    pub(super) fn nginx_is_active(&self, vmid: Vmid) -> Output {
        match self.service(vmid) {
            Some(Service::Listening(_)) => done("active\n"),
            Some(Service::Stopped) => Output { exit: INACTIVE, ..done("inactive\n") },
            None => Output { exit: UNKNOWN_STATE, ..done("inactive\n") },
        }
    }

    /// Runs `systemctl restart nginx.service`: the old nginx is gone before the new one is tried.
    pub(super) fn restart_nginx(&self, vmid: Vmid) -> Result<Output, NodeError> {
        if let Some(masked) = self.nginx_mask(vmid) {
            return Ok(masked);
        }
        let Some(loaded) = self.loaded(vmid) else { return Ok(no_unit()) };
        let fault = self.fault(vmid, &loaded).or_else(|| start_fault(&loaded.sockets()));
        let service = match fault {
            Some(_) => Service::Stopped,
            None => Service::Listening(loaded.sockets()),
        };
        self.note_service(vmid, &service)?;
        Ok(fault.map_or_else(
            || done(""),
            |fault| fail(1, format!("nginx.service does not start: {fault}")),
        ))
    }

    /// Runs `systemctl stop nginx.service`.
    pub(super) fn stop_nginx(&self, vmid: Vmid) -> Result<Output, NodeError> {
        if self.loaded(vmid).is_none() {
            return Ok(no_unit());
        }
        self.note_service(vmid, &Service::Stopped)?;
        Ok(done(""))
    }

    /// Runs `systemctl reload nginx.service`: a configuration that is wrong is refused, one whose sockets cannot be
    /// bound is passed over in silence.
    pub(super) fn reload_nginx(&self, vmid: Vmid) -> Result<Output, NodeError> {
        let (Some(loaded), Some(service)) = (self.loaded(vmid), self.service(vmid)) else {
            return Ok(no_unit());
        };
        let Service::Listening(old) = service else {
            return Ok(fail(1, "nginx.service is not active"));
        };
        if let Some(fault) = self.fault(vmid, &loaded) {
            return Ok(fail(1, format!("nginx.service is not reloaded: {fault}")));
        }
        let sockets = reloaded(&old, loaded.sockets());
        self.note_service(vmid, &Service::Listening(sockets))?;
        Ok(done(""))
    }

    /// Returns whether there is an nginx in a guest.
    pub(super) fn has_nginx(&self, vmid: Vmid) -> bool {
        self.loaded(vmid).is_some()
    }

    /// Returns what nginx does; `None` where there is none.
    fn service(&self, vmid: Vmid) -> Option<Service> {
        let loaded = self.loaded(vmid)?;
        let note = self.state(&note_path(vmid, "listening"));
        Some(
            note.map_or_else(|| Service::Listening(loaded.sockets()), |note| Service::parse(&note)),
        )
    }

    fn note_service(&self, vmid: Vmid, service: &Service) -> Result<(), NodeError> {
        let asked = self.loaded(vmid).map(|loaded| Service::Listening(loaded.sockets()));
        let note = (asked.as_ref() != Some(service)).then(|| service.written());
        self.put_state(&note_path(vmid, "listening"), note.as_deref())
    }

    /// Returns what nginx reads when it starts; `None` where there is no nginx.
    fn loaded(&self, vmid: Vmid) -> Option<Loaded> {
        let files = self.guest_files(vmid)?;
        let mut read = BTreeMap::new();
        collect(&files, vmid, FOLDER, MAX_DEPTH, &mut read);
        if read.is_empty() {
            return None;
        }
        read.entry(MAIN.to_owned()).or_insert_with(|| BARE_MAIN.to_owned());
        Some(Loaded::new(MAIN, &read))
    }

    /// Returns the first thing for which nginx refuses its files.
    fn fault(&self, vmid: Vmid, loaded: &Loaded) -> Option<String> {
        let syntax = loaded.problems().iter().find_map(|(file, problems)| {
            problems.first().map(|problem| format!("{file}:{}: {}", problem.line, problem.message))
        });
        syntax
            .or_else(|| listen_fault(loaded.listens()))
            .or_else(|| self.foreign_address(vmid, loaded))
            .or_else(|| self.missing_tls_file(vmid, loaded.tls_files().into_keys()))
    }

    /// Finds an address that the guest does not have.
    fn foreign_address(&self, vmid: Vmid, loaded: &Loaded) -> Option<String> {
        let routing = self.guest_routing(vmid);
        let own: BTreeSet<IpAddr> = routing.addresses().collect();
        let is_own = |ip: &IpAddr| {
            ip.is_unspecified() || ip.to_canonical().is_loopback() || own.contains(ip)
        };
        loaded.sockets().into_iter().find_map(|socket| match socket {
            Socket::Tcp(ip, _) if !is_own(&ip) => {
                Some(format!("bind() to {socket} failed: Cannot assign requested address"))
            }
            _ => None,
        })
    }
}

fn no_unit() -> Output {
    fail(NO_UNIT, "there is no unit `nginx.service`")
}

/// Reads all files below a folder; a link to a file or folder counts as what it leads to.
fn collect(
    files: &Tree,
    vmid: Vmid,
    folder: &str,
    depth: usize,
    read: &mut BTreeMap<String, String>,
) {
    let at = |path: &str| Some(Location::guest(vmid, path.parse().ok()?));
    let Some(Answer::Names(names)) = at(folder).map(|at| files.names(&at)) else { return };
    for path in names.iter().map(|name| format!("{folder}/{name}")) {
        if read.len() >= MAX_FILES {
            return;
        }
        match at(&path).map(|at| files.file(&at)) {
            Some(Answer::Text(text)) => drop(read.insert(path, text)),
            Some(Answer::Unreadable(_)) if depth > 0 => {
                collect(files, vmid, &path, depth - 1, read);
            }
            _ => {}
        }
    }
}

/// What of a `listen` must be there once: the part of nginx, the address, the port, the protocol.
type Key<'a> = (Subsystem, &'a ListenAddress, u16, bool);

/// Returns the first collision of `listen` directives: twice in one server, two defaults, options given twice.
fn listen_fault(listens: &[LoadedListen]) -> Option<String> {
    let mut by_server = BTreeSet::new();
    let mut defaults: BTreeMap<Key<'_>, usize> = BTreeMap::new();
    let mut options: BTreeMap<Key<'_>, usize> = BTreeMap::new();
    for LoadedListen { file, server, listen } in listens {
        let fault = |what: &str| Some(format!("{file}:{}: {what}", listen.line));
        if let ListenAddress::Invalid(address) = &listen.address {
            return fault(&format!("nothing can listen on `{address}`"));
        }
        let key = key(listen);
        if !by_server.insert((key, *server)) {
            return fault("the server listens on this address already");
        }
        if listen.is_default() && *defaults.entry(key).or_insert(*server) != *server {
            return fault("another server is the default of this address already");
        }
        if listen.has_socket_options() && *options.entry(key).or_insert(*server) != *server {
            return fault("the socket of this address has its options already");
        }
    }
    None
}

fn key(listen: &Listen) -> Key<'_> {
    (listen.subsystem, &listen.address, listen.ports.first, listen.is_udp())
}

/// Returns the first socket that a real start does not get though the test does not mind.
fn start_fault(sockets: &BTreeSet<Socket>) -> Option<String> {
    let taken = sockets.iter().find(|socket| match socket {
        Socket::Dual(port) => sockets.contains(&Socket::Tcp(Ipv4Addr::UNSPECIFIED.into(), *port)),
        Socket::Tcp(..) | Socket::Unix(_) => false,
    });
    taken.map(|socket| format!("bind() to {socket} failed: Address already in use"))
}

/// Returns a line of `ss -Hltn` for a local address.
fn ss_line(local: &str) -> String {
    let peer = match local.rsplit_once(':') {
        Some(("*", _)) => "*:*",
        Some((host, _)) if host.starts_with('[') => "[::]:*",
        _ => "0.0.0.0:*",
    };
    format!("LISTEN 0      511    {local:>20} {peer:>17}")
}
