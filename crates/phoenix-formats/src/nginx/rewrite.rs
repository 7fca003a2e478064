//! Makes the servers of a file listen on all interfaces, and changes nothing else.
//!
//! Owns the edit itself; `clash` knows what is in its way, and `remove` takes a directive out of a text.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Range;

use serde::Serialize;

use super::address::ListenAddress;
use super::clash::{Claim, Fate, ListenProblem, ListenProblemReason, PORTS, Wide, problems};
use super::conf::NginxConf;
use super::listen::Listen;
use super::place::Subsystem;
use super::remove::removals;

/// Holds the outcome of making a file listen on all interfaces.
///
/// With a problem there is no change: a file of which one server moved and another could not would hide the first
/// behind the second on the old address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[must_use = "a rewrite changes nothing until its text is written"]
pub struct Rewrite {
    /// The text afterwards; the text before when there is nothing to do or a problem.
    pub text: String,
    /// What changes, in the order of the file.
    pub changes: Vec<ListenChange>,
    /// What is in the way, in the order of the file.
    pub problems: Vec<ListenProblem>,
}

/// Tells how one `listen` directive changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListenChange {
    /// Number of the line before the edit, counted from 1.
    pub line: usize,
    /// The directive as it was written.
    pub before: String,
    /// The directive as it will be; `None` when it goes because another one of the server says the same.
    pub after: Option<String>,
}

/// Rewrites the servers of `http` in one file to listen on all interfaces, on ports 80 and 443.
///
/// `listen <IPv4>:443` becomes `listen 443` and `listen [<IPv6>]:443` becomes `listen [::]:443`, the same for 80 and for
/// no port at all, which is 80. Parameters, quotes, comments, white space and line ends stay. Loopback, wildcards, host
/// names, Unix sockets, ranges and other ports are left alone. A directive that says what another one of its server then
/// says too is taken out, with its line when it stands alone there; comments beside or inside it stay. What would
/// collide otherwise is a problem. Running it on its own result changes nothing.
pub fn listen_on_all_interfaces(text: &str) -> Rewrite {
    let conf = NginxConf::parse(text);
    rewrite_alone(&conf, &conf.listens())
}

/// Rewrites a file that is read already, whose listens are these.
pub(super) fn rewrite_alone(conf: &NginxConf, listens: &[Listen]) -> Rewrite {
    let silent = conf.silent_servers();
    let fates = fates(listens);
    let mut claims: Vec<_> =
        listens.iter().map(|listen| claim(listen, fate_of(&fates, listen))).collect();
    claims.extend(silent.iter().map(|listen| claim(listen, Fate::Keep)));
    rewrite(conf, &fates, &claims)
}

fn claim(listen: &Listen, fate: Fate) -> Claim<'_> {
    Claim { listen, server: listen.server.unwrap_or(usize::MAX), file: None, fate }
}

/// The directives of a file that change, by their index.
pub(super) type Fates = BTreeMap<usize, Fate>;

pub(super) fn fate_of(fates: &Fates, listen: &Listen) -> Fate {
    listen.directive.and_then(|index| fates.get(&index)).copied().unwrap_or(Fate::Keep)
}

/// Decides which directives of a file listen on all interfaces from now on and which become superfluous.
pub(super) fn fates(listens: &[Listen]) -> Fates {
    let mut said = BTreeSet::new();
    for listen in listens.iter().filter(|listen| is_wildcard(listen)) {
        for port in PORTS.into_iter().filter(|&port| listen.ports.contains(port)) {
            said.insert((listen.server, Wide::of(listen, port), listen.settings()));
        }
    }
    let mut fates = Fates::new();
    for listen in listens {
        let (Some(index), Some(port)) = (listen.directive, target(listen)) else { continue };
        let new = said.insert((listen.server, Wide::of(listen, port), listen.settings()));
        fates.insert(index, if new { Fate::Widen } else { Fate::Drop });
    }
    fates
}

fn is_wildcard(listen: &Listen) -> bool {
    let all = matches!(listen.address, ListenAddress::Wildcard4 | ListenAddress::Wildcard6);
    all && listen.subsystem == Subsystem::Http
}

/// Returns the port of a directive that has to change.
fn target(listen: &Listen) -> Option<u16> {
    let one = matches!(listen.address, ListenAddress::Ip4(_) | ListenAddress::Ip6(_));
    let port = listen.ports.single().filter(|port| PORTS.contains(port))?;
    (one && listen.subsystem == Subsystem::Http).then_some(port)
}

/// Applies the fates to a file unless the claims, of this file and of those loaded with it, collide.
pub(super) fn rewrite(conf: &NginxConf, fates: &Fates, claims: &[Claim<'_>]) -> Rewrite {
    let mut problems = problems(claims);
    problems.extend(conf.problems().iter().map(|problem| ListenProblem {
        line: problem.line,
        reason: ListenProblemReason::Syntax(problem.message.clone()),
        other: None,
    }));
    problems.sort();
    if !problems.is_empty() {
        return Rewrite { text: conf.text().to_owned(), changes: Vec::new(), problems };
    }
    let text = apply(conf.text(), &edits(conf, fates));
    let changes = fates.iter().map(|(&index, &fate)| change(conf, index, fate)).collect();
    Rewrite { text, changes, problems }
}

/// A range of the text and what stands there afterwards; sorted, without overlaps.
type Edits = BTreeMap<usize, (Range<usize>, String)>;

fn edits(conf: &NginxConf, fates: &Fates) -> Edits {
    let dropped = fates
        .iter()
        .filter(|&(_, &fate)| fate == Fate::Drop)
        .map(|(&index, _)| conf.directive(index));
    let mut edits: Edits =
        removals(conf.text(), dropped).into_iter().map(|r| (r.start, (r, String::new()))).collect();
    for (&index, _) in fates.iter().filter(|&(_, &fate)| fate == Fate::Widen) {
        if let Some((range, word)) = widened(conf, index) {
            edits.insert(range.start, (range, word));
        }
    }
    edits
}

/// Returns the place of a directive's address and what it becomes.
fn widened(conf: &NginxConf, index: usize) -> Option<(Range<usize>, String)> {
    let range = conf.directive(index).word_inside(1)?;
    let (address, ports) = super::address::parse(&conf.directive(index).args().next()?);
    let word = match address.ip()? {
        IpAddr::V4(_) => ports.first.to_string(),
        IpAddr::V6(_) => format!("[::]:{}", ports.first),
    };
    Some((range, word))
}

fn apply(text: &str, edits: &Edits) -> String {
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for (range, new) in edits.values() {
        result.push_str(&text[at..range.start]);
        result.push_str(new);
        at = range.end;
    }
    result.push_str(&text[at..]);
    result
}

fn change(conf: &NginxConf, index: usize, fate: Fate) -> ListenChange {
    let directive = conf.directive(index);
    let before = directive.source().to_owned();
    let after = widened(conf, index).filter(|_| fate == Fate::Widen).map(|(range, word)| {
        let span = directive.span();
        [&conf.text()[span.start..range.start], &word, &conf.text()[range.end..span.end]].concat()
    });
    ListenChange { line: directive.line(), before, after }
}
