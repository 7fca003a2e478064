//! Which files a container's nginx reads: followed from nginx.conf through its includes.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_formats::Vmid;
use phoenix_formats::nginx::{Loaded, NginxConf, include_matches};

use super::Texts;
use crate::location::{AbsolutePath, Location, Place};
use crate::probe::{Answer, Argv, Facts, Probe};

/// Where nginx starts to read on Debian and its kin.
const MAIN: &str = "/etc/nginx/nginx.conf";
/// What relative includes are relative to.
const FOLDER: &str = "/etc/nginx";
/// The most files that are followed: more are no configuration of nginx.
const MOST: usize = 2000;

/// Returns the probes for a container's nginx, as far as the facts at hand tell: its sites, its main
/// file, and what that includes, level by level.
pub(super) fn probes(vmid: Vmid, sites: &[AbsolutePath], facts: &Facts) -> Vec<Probe> {
    let file = |path: &AbsolutePath| Probe::File(Location::guest(vmid, path.clone()));
    let mut probes = sites.iter().map(file).collect::<Vec<_>>();
    let followed = follow(vmid, facts);
    probes.extend(
        followed.folders.iter().map(|path| Probe::List(Location::guest(vmid, path.clone()))),
    );
    probes.extend(followed.files.iter().map(file));
    let all = followed.files.iter().chain(sites).cloned().collect::<BTreeSet<_>>();
    probes.push(Probe::Run { place: Place::Guest(vmid), argv: resolve_argv(&all) });
    probes
}

/// Returns where nginx starts to read in a container.
pub(super) fn main_file(vmid: Vmid) -> Location {
    Location::guest(vmid, MAIN.parse().expect("the main file's path is absolute"))
}

/// Asks where symbolic links lead: `sites-enabled/gateway` is mostly a link to the file itself.
fn resolve_argv(paths: &BTreeSet<AbsolutePath>) -> Argv {
    let words = ["readlink", "-f", "--"].map(str::to_owned).into_iter();
    words.chain(paths.iter().map(ToString::to_string)).collect()
}

/// Returns the place of a container's nginx.conf.
pub(super) fn main(vmid: Vmid) -> Location {
    Location::guest(vmid, MAIN.parse().expect("the main file's path is absolute"))
}

#[derive(Default)]
struct Followed {
    files: BTreeSet<AbsolutePath>,
    folders: BTreeSet<AbsolutePath>,
}

fn follow(vmid: Vmid, facts: &Facts) -> Followed {
    let mut followed = Followed::default();
    let mut open = vec![main(vmid).path];
    while let Some(path) = open.pop() {
        if followed.files.len() >= MOST || !followed.files.insert(path.clone()) {
            continue;
        }
        let Some(text) = facts.text(&Location::guest(vmid, path)) else { continue };
        for include in NginxConf::parse(text).includes() {
            open.extend(matches(vmid, &include.pattern, facts, &mut followed.folders));
        }
    }
    followed
}

/// Returns the files that an include means; a pattern asks for the names in its folder first.
fn matches(
    vmid: Vmid,
    pattern: &str,
    facts: &Facts,
    folders: &mut BTreeSet<AbsolutePath>,
) -> Vec<AbsolutePath> {
    let pattern =
        if pattern.starts_with('/') { pattern.to_owned() } else { format!("{FOLDER}/{pattern}") };
    if !pattern.contains(['*', '?', '[']) {
        return pattern.parse().into_iter().collect();
    }
    let folder =
        pattern.rsplit_once('/').and_then(|(folder, _)| folder.parse::<AbsolutePath>().ok());
    let Some(folder) = folder else { return Vec::new() };
    let names = facts.names(&Location::guest(vmid, folder.clone())).to_vec();
    let paths = names.iter().map(|name| format!("{folder}/{name}"));
    let found = paths.filter(|path| include_matches(&pattern, path)).filter_map(|p| p.parse().ok());
    let found = found.collect();
    folders.insert(folder);
    found
}

/// What a container's nginx reads.
pub(in super::super) struct Reading {
    texts: Texts,
    /// The texts of the sites themselves, by their own paths.
    sites: BTreeMap<AbsolutePath, String>,
    /// Where each path leads.
    resolved: BTreeMap<String, String>,
}

impl Reading {
    /// Reads the facts about a container's nginx.
    pub(in super::super) fn new(vmid: Vmid, sites: &[AbsolutePath], facts: &Facts) -> Self {
        let files = follow(vmid, facts).files;
        let text = |path: &AbsolutePath| {
            Some((path.clone(), facts.text(&Location::guest(vmid, path.clone()))?.to_owned()))
        };
        let texts = files.iter().filter_map(text).map(|(path, text)| (path.to_string(), text));
        let mut texts = texts.collect::<Texts>();
        let sites = sites.iter().filter_map(text).collect::<BTreeMap<_, _>>();
        if facts.answer(&Probe::File(main_file(vmid))) == Answer::Absent {
            texts.extend(sites.iter().map(|(path, text)| (path.to_string(), text.clone())));
            texts.insert(MAIN.to_owned(), includes(sites.keys()));
        }
        Self { texts, sites, resolved: resolved(vmid, facts) }
    }

    /// Returns what nginx loads.
    pub(in super::super) fn loaded(&self) -> Loaded {
        Loaded::new(MAIN, &self.texts)
    }

    /// Returns whether nginx reads a file, by its own path or by a link to it.
    pub(super) fn loads(&self, path: &AbsolutePath) -> bool {
        self.loaded_path(path).is_some()
    }

    /// Returns the path by which nginx reads a file.
    pub(super) fn loaded_path(&self, path: &AbsolutePath) -> Option<String> {
        let target = self.target(path.as_str()).to_owned();
        let files = self.loaded().files();
        let same = files.iter().find(|loaded| self.target(loaded) == target).cloned();
        same.or_else(|| files.into_iter().find(|loaded| self.looks_like(loaded, path)))
    }

    /// A stopped container cannot say where its links lead: then the same text under the same name
    /// counts as the same file.
    fn looks_like(&self, loaded: &str, path: &AbsolutePath) -> bool {
        let unknown = self.resolved.is_empty();
        let same_name = loaded.rsplit('/').next() == Some(path.file_name());
        let text = self.sites.get(path);
        unknown && same_name && text.is_some() && self.texts.get(loaded) == text
    }

    /// Puts a file's planned text in its place.
    pub(super) fn replace(&mut self, path: &AbsolutePath, text: &str) {
        if let Some(loaded) = self.loaded_path(path) {
            self.texts.insert(loaded, text.to_owned());
            self.sites.insert(path.clone(), text.to_owned());
        }
    }

    fn target<'a>(&'a self, path: &'a str) -> &'a str {
        self.resolved.get(path).map_or(path, String::as_str)
    }
}

/// Stands for an nginx.conf that is not there, as in a captured folder with the sites alone: a site
/// that is declared is taken to be read.
fn includes<'a>(sites: impl Iterator<Item = &'a AbsolutePath>) -> String {
    let lines = sites.map(|path| format!("    include {path};\n"));
    format!("http {{\n{}}}\n", lines.collect::<String>())
}

/// Returns where paths lead: of all the questions that were asked, the answers pair by pair.
pub(in super::super) fn resolved(vmid: Vmid, facts: &Facts) -> BTreeMap<String, String> {
    let mut resolved = BTreeMap::new();
    for (probe, answer) in facts.iter() {
        let (Probe::Run { place: Place::Guest(guest), argv }, Answer::Ran(output)) =
            (probe, answer)
        else {
            continue;
        };
        let ["readlink", "-f", "--", paths @ ..] =
            &argv.iter().map(String::as_str).collect::<Vec<_>>()[..]
        else {
            continue;
        };
        let lines = output.stdout.lines().collect::<Vec<_>>();
        // A path without a target prints no line: then no line tells which path it belongs to.
        if *guest == vmid && lines.len() == paths.len() {
            let pairs = paths.iter().zip(lines);
            resolved.extend(pairs.map(|(path, line)| ((*path).to_owned(), line.to_owned())));
        }
    }
    resolved
}
