//! Where a directive stands: in which server of which part of the configuration.

use serde::Serialize;

use super::conf::{Body, NginxConf};

/// Names the part of nginx that runs a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subsystem {
    /// `http { server { … } }`
    Http,
    /// `stream { server { … } }`
    Stream,
    /// `mail { server { … } }`
    Mail,
}

/// Says where directives stand: what surrounds a file, or one directive in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Context {
    /// The top of `nginx.conf`.
    Main,
    /// The top of a file that is looked at by itself; it may belong anywhere.
    Fragment,
    /// Directly in `http`, `stream` or `mail`.
    In(Subsystem),
    /// Directly in a server.
    Server(Subsystem),
    /// Anywhere else: `events`, `location`, `upstream`, `map` …
    Other,
}

/// Where one directive stands, with the number of its server in the file; `None` is the server around the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) context: Context,
    pub(super) server: Option<usize>,
}

/// The places of a file's directives, and what the block of each makes of its inside.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) places: Vec<Place>,
    insides: Vec<Place>,
}

impl Layout {
    /// Returns the directives that open a server, in order, each with its part; the `n`th is server `n`.
    pub(super) fn servers(&self) -> impl Iterator<Item = (usize, Subsystem)> {
        self.insides.iter().enumerate().filter_map(|(index, inside)| match inside.context {
            Context::Server(subsystem) => Some((index, subsystem)),
            _ => None,
        })
    }
}

/// Finds out where every directive of a file stands that itself stands in `context`.
pub(super) fn layout(conf: &NginxConf, context: Context) -> Layout {
    let guesses = guesses(conf);
    let count = conf.directives.len();
    let mut layout =
        Layout { places: Vec::with_capacity(count), insides: Vec::with_capacity(count) };
    let mut servers = 0;
    for (index, node) in conf.directives.iter().enumerate() {
        let top = Place { context, server: None };
        let place = node.parent.map_or(top, |parent| layout.insides[parent]);
        let opened = match node.body {
            Body::Block => inside(place.context, &conf.directive(index).name(), guesses[index]),
            _ => Context::Other,
        };
        let is_server = matches!(opened, Context::Server(_));
        layout.places.push(place);
        layout.insides.push(Place { context: opened, server: is_server.then_some(servers) });
        servers += usize::from(is_server);
    }
    layout
}

/// Returns what stands inside of a block called `name` that itself stands in `context`.
fn inside(context: Context, name: &str, guess: Subsystem) -> Context {
    match (context, name) {
        (Context::Main | Context::Fragment, "http") => Context::In(Subsystem::Http),
        (Context::Main | Context::Fragment, "stream") => Context::In(Subsystem::Stream),
        (Context::Main | Context::Fragment, "mail") => Context::In(Subsystem::Mail),
        (Context::In(subsystem), "server") => Context::Server(subsystem),
        (Context::Fragment, "server") => Context::Server(guess),
        _ => Context::Other,
    }
}

/// Guesses for every block which part's server it is, if it is one, by a child that the other parts refuse there.
fn guesses(conf: &NginxConf) -> Vec<Subsystem> {
    let mut guesses = vec![Subsystem::Http; conf.directives.len()];
    for (index, node) in conf.directives.iter().enumerate() {
        let Some(parent) = node.parent else { continue };
        match &*conf.directive(index).name() {
            "proxy_pass" | "ssl_preread" => guesses[parent] = Subsystem::Stream,
            "protocol" => guesses[parent] = Subsystem::Mail,
            _ => {}
        }
    }
    guesses
}
