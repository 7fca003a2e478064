//! Where a node keeps NAT rules: in the kernel, in iptables-persistent's file, in interfaces(5).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use phoenix_formats::interfaces::{CommandRules, Interfaces};
use phoenix_formats::iptables::{Rule, SavedRules, mentions};

use crate::location::{AbsolutePath, Location, Place};
use crate::plan::Draft;
use crate::probe::{Argv, Facts, Probe, argv};
use crate::refusal::Refusal;

/// The file of Debian's package iptables-persistent.
const RULES: &str = "/etc/iptables/rules.v4";
/// The main file of interfaces(5), and the folder that Debian's includes.
const INTERFACES: &str = "/etc/network/interfaces";
const INTERFACES_FOLDER: &str = "/etc/network/interfaces.d";
/// Where Debian keeps scripts that run with interfaces or at boot: what they do is not understood, but
/// a copy of an obsolete rule in one would bring it back.
const SCRIPT_FOLDERS: [&str; 4] = [
    "/etc/network/if-pre-up.d",
    "/etc/network/if-up.d",
    "/etc/network/if-down.d",
    "/etc/network/if-post-down.d",
];
const BOOT_SCRIPT: &str = "/etc/rc.local";
/// Permission bits of these files, should one have to be made again.
pub(super) const FILE_MODE: u32 = 0o644;

fn live_argv() -> Argv {
    argv(["iptables-save"])
}

pub(super) fn probes(facts: &Facts) -> Vec<Probe> {
    let mut probes = vec![
        Probe::Run { place: Place::Node, argv: live_argv() },
        Probe::File(Location::node(RULES)),
        Probe::File(Location::node(INTERFACES)),
        Probe::List(Location::node(INTERFACES_FOLDER)),
    ];
    probes.extend(SCRIPT_FOLDERS.map(|folder| Probe::List(Location::node(folder))));
    probes.extend(fragments(facts).into_iter().chain(scripts(facts)).map(Probe::File));
    probes
}

fn fragments(facts: &Facts) -> Vec<Location> {
    files_in(INTERFACES_FOLDER, facts)
}

fn scripts(facts: &Facts) -> Vec<Location> {
    let in_folders = SCRIPT_FOLDERS.iter().flat_map(|folder| files_in(folder, facts));
    in_folders.chain([Location::node(BOOT_SCRIPT)]).collect()
}

/// Returns whether a file is only looked at: one that cannot be read is passed over.
pub(in crate::kind) fn is_script(at: &Location) -> bool {
    let path = at.path.as_str();
    path == BOOT_SCRIPT || SCRIPT_FOLDERS.iter().any(|folder| at.path.is_below(folder))
}

/// Returns the lines of scripts that run iptables and name an address, as `file:line`.
pub(super) fn script_lines(facts: &Facts, address: Ipv4Addr) -> Vec<String> {
    let mut found = Vec::new();
    for at in scripts(facts) {
        let lines = facts.text(&at).unwrap_or_default().lines().enumerate();
        let about = |line: &str| line.contains("iptables") && mentions(line, address);
        found.extend(lines.filter(|(_, l)| about(l)).map(|(n, _)| format!("{at}:{}", n + 1)));
    }
    found
}

fn files_in(folder: &str, facts: &Facts) -> Vec<Location> {
    let names = facts.names(&Location::node(folder)).iter();
    let paths = names.filter_map(|name| format!("{folder}/{name}").parse::<AbsolutePath>().ok());
    paths.map(|path| Location { place: Place::Node, path }).collect()
}

/// One place that holds rules.
pub(super) struct Source {
    pub(super) kind: SourceKind,
    /// All its rules, in order.
    pub(super) rules: Vec<Rule>,
    commands: CommandRules,
}

/// How a source is changed.
pub(super) enum SourceKind {
    /// The kernel: by deleting rule by rule.
    Live,
    /// A file: by an edit.
    File {
        /// Which file.
        at: Location,
        /// What it holds.
        content: Content,
    },
}

/// What a file of rules is.
pub(super) enum Content {
    /// In the form of iptables-save(8).
    Saved(SavedRules),
    /// In the form of interfaces(5), with rules in its commands.
    Interfaces(Interfaces),
}

impl Source {
    /// Returns what was read.
    pub(super) fn name(&self) -> String {
        match &self.kind {
            SourceKind::Live => "`iptables-save`".to_owned(),
            SourceKind::File { at, .. } => at.to_string(),
        }
    }

    /// Returns a rule as it is shown, with the place where it stands.
    pub(super) fn shown(&self, rule: &Rule) -> String {
        let text = rule_text(rule);
        match &self.kind {
            SourceKind::Live => format!("live rule `{text}`"),
            SourceKind::File { at, .. } => format!("{at}:{} `{text}`", rule.line),
        }
    }

    /// Returns the commands that are about an address and cannot be told apart.
    pub(super) fn opaque_about(&self, address: Ipv4Addr) -> Vec<String> {
        let SourceKind::File { at, .. } = &self.kind else { return Vec::new() };
        self.commands
            .opaque_about(address)
            .map(|command| format!("{at}:{}", command.line))
            .collect()
    }

    /// Returns the file's text without these rules, named by their places among all.
    pub(super) fn without(&self, indices: &[usize]) -> String {
        let rules = indices.iter().map(|index| &self.rules[*index]);
        match &self.kind {
            SourceKind::Live => String::new(),
            SourceKind::File { content: Content::Saved(saved), .. } => {
                saved.remove(&rules.map(Rule::reference).collect::<Vec<_>>())
            }
            SourceKind::File { content: Content::Interfaces(file), .. } => {
                file.remove_lines(&rules.map(|rule| rule.line).collect::<BTreeSet<_>>())
            }
        }
    }
}

/// Returns a rule in the words of iptables-save(8).
pub(super) fn rule_text(rule: &Rule) -> String {
    let words = rule
        .words
        .iter()
        .map(|word| if word.contains(' ') { format!("\"{word}\"") } else { word.clone() });
    let table = if rule.table == "nat" { String::new() } else { format!("-t {} ", rule.table) };
    format!("{table}-A {} {}", rule.chain, words.collect::<Vec<_>>().join(" "))
}

/// Reads all places that hold rules; a saved file that iptables-restore(8) would refuse is not edited.
pub(super) fn read(facts: &Facts, draft: &Draft) -> Result<Vec<Source>, Vec<Refusal>> {
    let mut sources = Vec::new();
    let mut refusals = Vec::new();
    let live = facts.ran(Place::Node, &live_argv()).filter(|output| output.success());
    if let Some(live) = live {
        let rules = SavedRules::parse(&live.stdout).rules().to_vec();
        sources.push(Source { kind: SourceKind::Live, rules, commands: CommandRules::default() });
    }
    let at = Location::node(RULES);
    if let Some(text) = facts.text(&at) {
        let saved = SavedRules::parse(text);
        refusals.extend(saved.warnings().first().map(|warning| {
            let help = "Mend the file until `iptables-restore --test` takes it, then plan again.";
            Refusal::file(&at, Some(warning.line), warning.message.clone(), help)
        }));
        let rules = saved.rules().to_vec();
        let kind = SourceKind::File { at, content: Content::Saved(saved) };
        sources.push(Source { kind, rules, commands: CommandRules::default() });
    }
    let files = [Location::node(INTERFACES)].into_iter().chain(fragments(facts));
    sources.extend(files.filter_map(|at| interfaces(facts, draft, at)));
    if refusals.is_empty() { Ok(sources) } else { Err(refusals) }
}

/// Reads one file of interfaces(5) as it is when the plan comes to it: the node's own network may have
/// changed it before.
fn interfaces(facts: &Facts, draft: &Draft, at: Location) -> Option<Source> {
    let written = draft.written(&at).map(|(_, text)| text);
    let file = Interfaces::parse(written.or(facts.text(&at))?);
    let commands = file.iptables();
    let rules = commands.rules.clone();
    let kind = SourceKind::File { at, content: Content::Interfaces(file) };
    Some(Source { kind, rules, commands })
}
