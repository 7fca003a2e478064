//! The `listen` directives of a file.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::address::{self, ListenAddress, Ports};
use super::conf::{Body, NginxConf};
use super::place::{Context, Layout, Subsystem, layout};

/// The parameters that belong to a socket: nginx takes them only once for each address.
const SOCKET_OPTIONS: [&str; 12] = [
    "setfib",
    "fastopen",
    "backlog",
    "rcvbuf",
    "sndbuf",
    "accept_filter",
    "deferred",
    "ipv6only",
    "reuseport",
    "so_keepalive",
    "bind",
    "multipath",
];

/// Describes one `listen` directive of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listen {
    /// Number of the line, counted from 1; of the server when it has no `listen` directive and so gets port 80.
    pub line: usize,
    /// Number of the server in the file, counted from 0; `None` when the file is a part of a server.
    pub server: Option<usize>,
    /// Which part of nginx runs the server.
    pub subsystem: Subsystem,
    /// Where it listens.
    pub address: ListenAddress,
    /// The port or ports; 80 when none is given.
    pub ports: Ports,
    /// What follows the address, in the order of the file.
    pub params: Vec<String>,
    /// Which directive of the file this is; `None` for a server that has none.
    #[serde(skip)]
    pub(super) directive: Option<usize>,
}

impl Listen {
    /// Says whether the parameter is there: `ssl`, or the name before the `=`.
    pub fn has(&self, name: &str) -> bool {
        self.params.iter().any(|param| key(param) == name)
    }

    /// Says whether the server is the default of its address.
    pub fn is_default(&self) -> bool {
        self.has("default_server")
    }

    /// Says whether a parameter of the socket itself is set, so that nginx opens this address by itself.
    pub fn has_socket_options(&self) -> bool {
        SOCKET_OPTIONS.iter().any(|name| self.has(name))
    }

    /// Says whether this is UDP, as `quic` and `udp` are.
    pub fn is_udp(&self) -> bool {
        self.has("quic") || self.has("udp")
    }

    /// Says whether an IPv6 socket takes IPv4 too.
    pub(super) fn is_dual(&self) -> bool {
        self.params
            .iter()
            .rfind(|param| key(param) == "ipv6only")
            .is_some_and(|param| param == "ipv6only=off")
    }

    /// Returns the parameters by name, so that order and spelling do not count; of two with one name the last does.
    pub(super) fn settings(&self) -> BTreeMap<&str, Option<&str>> {
        self.params
            .iter()
            .map(|param| (key(param), param.split_once('=').map(|(_, value)| value)))
            .collect()
    }
}

/// Returns the name of a parameter; `default` is the old spelling of `default_server`.
fn key(param: &str) -> &str {
    match param.split_once('=').map_or(param, |(name, _)| name) {
        "default" => "default_server",
        name => name,
    }
}

impl NginxConf {
    /// Returns every `listen` directive of a server, for a file that is looked at by itself.
    ///
    /// A `server` at the top of the file is one of `http`, unless a directive in it says `stream` or `mail`. A `listen`
    /// at the top belongs to the server that includes the file.
    pub fn listens(&self) -> Vec<Listen> {
        self.listens_in(Context::Fragment)
    }

    /// Returns every `listen` directive of a server, for a file that is included in `context`.
    pub fn listens_in(&self, context: Context) -> Vec<Listen> {
        self.listens_at(&layout(self, context))
    }

    pub(super) fn listens_at(&self, layout: &Layout) -> Vec<Listen> {
        let mut listens = Vec::new();
        for (index, place) in layout.places.iter().enumerate() {
            let subsystem = match place.context {
                Context::Server(subsystem) => subsystem,
                Context::Fragment => Subsystem::Http,
                _ => continue,
            };
            listens.extend(self.listen(index, subsystem, place.server));
        }
        listens
    }

    fn listen(&self, index: usize, subsystem: Subsystem, server: Option<usize>) -> Option<Listen> {
        let directive = self.directive(index);
        if self.directives[index].body != Body::Simple || directive.name() != "listen" {
            return None;
        }
        let mut args = directive.args();
        let (address, ports) = address::parse(&args.next()?);
        let params = args.map(|param| param.into_owned()).collect();
        Some(Listen {
            line: directive.line(),
            server,
            subsystem,
            address,
            ports,
            params,
            directive: Some(index),
        })
    }

    /// Returns the servers of `http` that have no `listen` directive, and no include that could hold one: nginx has
    /// them listen on port 80.
    pub(super) fn silent_servers(&self) -> Vec<Listen> {
        let layout = layout(self, Context::Fragment);
        let mut speaking = BTreeSet::new();
        for (index, place) in layout.places.iter().enumerate() {
            if matches!(&*self.directive(index).name(), "listen" | "include") {
                speaking.extend(place.server);
            }
        }
        let servers = layout.servers().enumerate();
        let silent =
            servers.filter(|(n, (_, part))| *part == Subsystem::Http && !speaking.contains(n));
        silent
            .map(|(n, (index, _))| Listen::implied(self.directive(index).line(), Some(n)))
            .collect()
    }
}

impl Listen {
    /// Returns what nginx adds to a server of `http` that has no `listen` directive.
    pub(super) fn implied(line: usize, server: Option<usize>) -> Self {
        Self {
            line,
            server,
            subsystem: Subsystem::Http,
            address: ListenAddress::Wildcard4,
            ports: Ports::default(),
            params: Vec::new(),
            directive: None,
        }
    }
}
