//! A whole configuration of nginx: the main file and all that it includes.
//!
//! Works on files that the caller has read; a path in the map is a path for nginx too, links included.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::address::ListenAddress;
use super::clash::{Claim, Fate};
use super::conf::{Body, NginxConf};
use super::glob::{include_matches, is_pattern};
use super::listen::Listen;
use super::place::{Context, Layout, Place, Subsystem, layout};
use super::rewrite::{self, Rewrite, fate_of, fates};
use crate::Warning;

/// The deepest nesting of includes that is followed; nginx itself stops only when it has no file descriptors left.
const MAX_DEPTH: usize = 50;

/// The most bytes that are walked, counting a file each time that it is included, so that files that include each
/// other twice over do not take for ever. Real configurations stay under a thousandth of it.
const MAX_BYTES: usize = 64 << 20;

/// What an include costs at least.
const MIN_BYTES: usize = 1 << 10;

/// Describes one `include` directive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Include {
    /// Number of the line, counted from 1.
    pub line: usize,
    /// The word as nginx reads it: a path or a pattern, relative to the folder of `nginx.conf` or absolute.
    pub pattern: String,
    /// Where the directive stands, and so the files that it includes.
    pub context: Context,
    #[serde(skip)]
    server: Option<usize>,
}

impl NginxConf {
    /// Returns the include directives of a file that itself stands in `context`, in order.
    pub fn includes_in(&self, context: Context) -> Vec<Include> {
        self.includes_at(&layout(self, context))
    }

    /// Returns the include directives of a file that is looked at by itself, in order.
    pub fn includes(&self) -> Vec<Include> {
        self.includes_in(Context::Fragment)
    }

    fn includes_at(&self, layout: &Layout) -> Vec<Include> {
        let places = layout.places.iter().enumerate();
        places.filter_map(|(index, place)| self.include(index, *place)).collect()
    }

    fn include(&self, index: usize, place: Place) -> Option<Include> {
        let directive = self.directive(index);
        if self.directives[index].body != Body::Simple || directive.name() != "include" {
            return None;
        }
        let pattern = directive.args().next()?.into_owned();
        Some(Include {
            line: directive.line(),
            pattern,
            context: place.context,
            server: place.server,
        })
    }
}

/// Describes a `listen` directive of a whole configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoadedListen {
    /// Path of the file that holds the directive.
    pub file: String,
    /// Number of the server in the whole configuration, counted from 0.
    pub server: usize,
    /// The directive; one without a text of its own stands for a server that has none and gets port 80.
    pub listen: Listen,
}

/// Holds what nginx reads when it starts from one main file.
#[derive(Debug, Clone)]
pub struct Loaded {
    files: BTreeMap<String, NginxConf>,
    listens: Vec<LoadedListen>,
    problems: BTreeMap<String, Vec<Warning>>,
}

impl Loaded {
    /// Follows the includes from the main file at `root`, an absolute path, over the files that were read.
    pub fn new(root: &str, read: &BTreeMap<String, String>) -> Self {
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let mut walk = Walk { read, folder, bytes: 0, servers: Vec::new(), loaded: Self::empty() };
        walk.file(root, Context::Main, None, 0);
        walk.finish()
    }

    fn empty() -> Self {
        Self { files: BTreeMap::new(), listens: Vec::new(), problems: BTreeMap::new() }
    }

    /// Returns the paths of the files that nginx reads.
    pub fn files(&self) -> BTreeSet<String> {
        self.files.keys().cloned().collect()
    }

    /// Returns the files that nginx reads, by their paths.
    pub(super) fn confs(&self) -> impl Iterator<Item = (&str, &NginxConf)> {
        self.files.iter().map(|(path, conf)| (path.as_str(), conf))
    }

    /// Returns the `listen` directives of all servers; a file that is included twice counts twice.
    pub fn listens(&self) -> &[LoadedListen] {
        &self.listens
    }

    /// Returns by file what nginx would refuse: syntax, and includes of files that are not there.
    pub fn problems(&self) -> &BTreeMap<String, Vec<Warning>> {
        &self.problems
    }

    /// Rewrites one loaded file as [`super::listen_on_all_interfaces`] does, minding all that is loaded with it.
    ///
    /// The text is the same unless another file makes it a problem. Returns `None` when nginx does not read the file.
    pub fn listen_on_all_interfaces(&self, path: &str) -> Option<Rewrite> {
        let conf = self.files.get(path)?;
        let here = |loaded: &&LoadedListen| {
            loaded.file == path && loaded.listen.subsystem == Subsystem::Http
        };
        let own: BTreeMap<_, _> = self
            .listens
            .iter()
            .filter(here)
            .map(|loaded| (loaded.listen.directive, loaded.listen.clone()))
            .collect();
        let fates = fates(&own.into_values().collect::<Vec<_>>());
        let claims = self.listens.iter().map(|LoadedListen { file, server, listen }| {
            let other = file != path;
            let fate = if other { Fate::Keep } else { fate_of(&fates, listen) };
            Claim { listen, server: *server, file: other.then_some(file), fate }
        });
        Some(rewrite::rewrite(conf, &fates, &claims.collect::<Vec<_>>()))
    }

    /// Returns the host names that servers listen on; their addresses are known only to the machine that runs nginx.
    pub fn listen_names(&self) -> BTreeSet<String> {
        let names = self.listens.iter().filter_map(|loaded| match &loaded.listen.address {
            ListenAddress::Name(name) => Some(name.clone()),
            _ => None,
        });
        names.collect()
    }
}

/// Returns which of the files that were read nginx loads when it starts from the main file at `root`.
pub fn loaded_files(root: &str, read: &BTreeMap<String, String>) -> BTreeSet<String> {
    Loaded::new(root, read).files()
}

/// A server seen on the walk, and whether it has a `listen` of its own or included.
struct Server {
    file: String,
    line: usize,
    subsystem: Subsystem,
    listens: bool,
}

struct Walk<'a> {
    read: &'a BTreeMap<String, String>,
    folder: String,
    bytes: usize,
    servers: Vec<Server>,
    loaded: Loaded,
}

impl Walk<'_> {
    /// Reads one file; `around` is the server in which it is included.
    fn file(&mut self, path: &str, context: Context, around: Option<usize>, depth: usize) {
        let Some(text) = self.read.get(path) else { return };
        let conf = self.loaded.files.remove(path).unwrap_or_else(|| self.parse(path, text));
        let layout = layout(&conf, context);
        let first = self.servers.len();
        self.servers.extend(layout.servers().map(|(index, subsystem)| {
            let line = conf.directive(index).line();
            Server { file: path.to_owned(), line, subsystem, listens: false }
        }));
        for listen in conf.listens_at(&layout) {
            let Some(server) = listen.server.map(|n| first + n).or(around) else { continue };
            self.servers[server].listens = true;
            self.loaded.listens.push(LoadedListen { file: path.to_owned(), server, listen });
        }
        let includes = conf.includes_at(&layout);
        self.loaded.files.insert(path.to_owned(), conf);
        for include in includes {
            let server = include.server.map(|n| first + n).or(around);
            self.include(path, &include, server, depth + 1);
        }
    }

    fn parse(&mut self, path: &str, text: &str) -> NginxConf {
        let conf = NginxConf::parse(text);
        if !conf.problems().is_empty() {
            self.loaded
                .problems
                .entry(path.to_owned())
                .or_default()
                .extend_from_slice(conf.problems());
        }
        conf
    }

    fn include(&mut self, from: &str, include: &Include, server: Option<usize>, depth: usize) {
        let pattern = absolute(&self.folder, &include.pattern);
        let found: Vec<&String> = match self.read.get_key_value(&pattern) {
            Some((path, _)) => vec![path],
            None if is_pattern(&pattern) => {
                self.read.keys().filter(|path| include_matches(&pattern, path)).collect()
            }
            None => {
                return self.problem(
                    from,
                    include.line,
                    format!("includes `{pattern}`, which is not there"),
                );
            }
        };
        for path in found {
            self.bytes += self.read.get(path).map_or(0, String::len).max(MIN_BYTES);
            if depth > MAX_DEPTH || self.bytes > MAX_BYTES {
                return self.problem(from, include.line, "includes too many files, or itself");
            }
            self.file(path, include.context, server, depth);
        }
    }

    fn problem(&mut self, file: &str, line: usize, message: impl Into<String>) {
        let problem = Warning::new(line, message);
        let problems = self.loaded.problems.entry(file.to_owned()).or_default();
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    fn finish(mut self) -> Loaded {
        for (number, server) in self.servers.into_iter().enumerate() {
            if server.subsystem == Subsystem::Http && !server.listens {
                let listen = Listen::implied(server.line, None);
                self.loaded.listens.push(LoadedListen {
                    file: server.file,
                    server: number,
                    listen,
                });
            }
        }
        self.loaded
    }
}

/// Makes a path absolute and takes `.`, `..` and empty names out of it.
fn absolute(folder: &str, path: &str) -> String {
    let full = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    let mut names: Vec<&str> = Vec::new();
    for name in full.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names.iter().map(|name| format!("/{name}")).collect()
}
