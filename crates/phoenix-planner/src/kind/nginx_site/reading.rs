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

/// A container's disk as it answered, with what is to be written over it.
pub(in super::super) struct Disk<'a> {
    vmid: Vmid,
    facts: &'a Facts,
    texts: BTreeMap<AbsolutePath, &'a str>,
    /// Links, each with what it names; those that go name nothing.
    links: BTreeMap<AbsolutePath, Option<AbsolutePath>>,
}

impl<'a> Disk<'a> {
    /// Returns the disk as it is.
    pub(in super::super) fn new(vmid: Vmid, facts: &'a Facts) -> Self {
        Self { vmid, facts, texts: BTreeMap::new(), links: BTreeMap::new() }
    }

    /// Lays a file over it.
    pub(in super::super) fn put(&mut self, path: AbsolutePath, text: &'a str) {
        self.texts.insert(path, text);
    }

    /// Lays a link over it, or takes one away.
    pub(in super::super) fn link(&mut self, path: AbsolutePath, to: Option<AbsolutePath>) {
        self.links.insert(path, to);
    }

    fn text(&self, path: &AbsolutePath) -> Option<&'a str> {
        let path = match self.links.get(path) {
            Some(Some(to)) => to,
            Some(None) => return None,
            None => path,
        };
        let laid = self.texts.get(path).copied();
        laid.or_else(|| self.facts.text(&Location::guest(self.vmid, path.clone())))
    }

    /// Returns the names in a folder.
    fn names(&self, folder: &AbsolutePath) -> BTreeSet<String> {
        let is_here = |path: &&AbsolutePath| {
            path.as_str().strip_suffix(path.file_name()) == Some(&format!("{folder}/"))
        };
        let name = |path: &AbsolutePath| path.file_name().to_owned();
        let present = self.facts.names(&Location::guest(self.vmid, folder.clone()));
        let mut names = present.iter().cloned().collect::<BTreeSet<_>>();
        names.extend(self.texts.keys().filter(is_here).map(name));
        for (path, to) in self.links.iter().filter(|(path, _)| is_here(path)) {
            match to {
                Some(_) => drop(names.insert(name(path))),
                None => drop(names.remove(path.file_name())),
            }
        }
        names
    }

    fn is_absent(&self, path: &AbsolutePath) -> bool {
        let at = Location::guest(self.vmid, path.clone());
        self.text(path).is_none() && self.facts.answer(&Probe::File(at)) == Answer::Absent
    }
}

/// Returns the probes for a container's nginx, as far as the facts at hand tell: its sites, its main
/// file, and what that includes, level by level.
pub(in super::super) fn probes(sites: &[AbsolutePath], disk: &Disk<'_>) -> Vec<Probe> {
    let vmid = disk.vmid;
    let file = |path: &AbsolutePath| Probe::File(Location::guest(vmid, path.clone()));
    let mut probes = sites.iter().map(file).collect::<Vec<_>>();
    let followed = follow(disk);
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

#[derive(Default)]
struct Followed {
    files: BTreeSet<AbsolutePath>,
    folders: BTreeSet<AbsolutePath>,
}

fn follow(disk: &Disk<'_>) -> Followed {
    let mut followed = Followed::default();
    let mut open = vec![main_file(disk.vmid).path];
    while let Some(path) = open.pop() {
        if followed.files.len() >= MOST || !followed.files.insert(path.clone()) {
            continue;
        }
        let Some(text) = disk.text(&path) else { continue };
        for include in NginxConf::parse(text).includes() {
            open.extend(matches(&include.pattern, disk, &mut followed.folders));
        }
    }
    followed
}

/// Returns the files that an include means; a pattern asks for the names in its folder first.
fn matches(
    pattern: &str,
    disk: &Disk<'_>,
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
    let names = disk.names(&folder);
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
    /// Reads what is on a container's disk.
    pub(in super::super) fn of(disk: &Disk<'_>, sites: &[AbsolutePath]) -> Self {
        let files = follow(disk).files;
        let text = |path: &AbsolutePath| Some((path.clone(), disk.text(path)?.to_owned()));
        let texts = files.iter().filter_map(text).map(|(path, text)| (path.to_string(), text));
        let mut texts = texts.collect::<Texts>();
        let sites = sites.iter().filter_map(text).collect::<BTreeMap<_, _>>();
        if disk.is_absent(&main_file(disk.vmid).path) {
            texts.extend(sites.iter().map(|(path, text)| (path.to_string(), text.clone())));
            texts.insert(MAIN.to_owned(), includes(sites.keys()));
        }
        let mut resolved = resolved(disk.vmid, disk.facts);
        for (path, to) in &disk.links {
            resolved.remove(path.as_str());
            resolved.extend(to.as_ref().map(|to| (path.to_string(), to.to_string())));
        }
        Self { texts, sites, resolved }
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
    pub(in super::super) fn loaded_path(&self, path: &AbsolutePath) -> Option<String> {
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
    pub(in super::super) fn replace(&mut self, path: &AbsolutePath, text: &str) {
        if let Some(loaded) = self.loaded_path(path) {
            self.texts.insert(loaded, text.to_owned());
        }
        self.sites.insert(path.clone(), text.to_owned());
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
