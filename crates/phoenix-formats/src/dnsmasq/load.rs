//! The files that dnsmasq reads together, by `conf-file` and `conf-dir`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::check::{Checker, Finding, Weight};
use super::conf::{DnsmasqConf, Verdict, verdict};
use super::setting::Setting;
use crate::Warning;

/// The files and folders of a machine, as far as dnsmasq could read them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfFiles {
    /// The texts by absolute path.
    pub files: BTreeMap<String, String>,
    /// Folders that are there, by absolute path; those of the files need not be listed.
    pub folders: BTreeSet<String>,
}

impl ConfFiles {
    fn has_folder(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let inside = format!("{path}/");
        self.folders.contains(path)
            || self
                .files
                .range(inside.clone()..)
                .next()
                .is_some_and(|(file, _)| file.starts_with(&inside))
    }

    /// Returns the paths of the files that `conf-dir` reads, by name; dnsmasq takes them in the folder's own order.
    fn in_folder<'a>(
        &'a self,
        path: &str,
        patterns: &'a [Cow<'a, str>],
    ) -> impl Iterator<Item = &'a str> {
        let inside = format!("{}/", path.trim_end_matches('/'));
        let names = self.files.keys().filter_map(move |file| {
            file.strip_prefix(&inside).filter(|name| !name.contains('/')).map(|name| (file, name))
        });
        names.filter(|(_, name)| dir_reads(name, patterns)).map(|(file, _)| file.as_str())
    }
}

/// Says whether `conf-dir` with these patterns reads a file of this name.
///
/// Names that begin with `.` or `#…#`, or end in `~`, are never read. A pattern `*.conf` lets only such names in, one
/// without the `*` keeps such names out.
pub fn dir_reads(name: &str, patterns: &[Cow<'_, str>]) -> bool {
    let backup = name.starts_with('.') || name.ends_with('~');
    let saved = name.starts_with('#') && name.ends_with('#');
    if name.is_empty() || backup || saved {
        return false;
    }
    let (wanted, unwanted): (Vec<_>, Vec<_>) =
        patterns.iter().partition(|pattern| pattern.starts_with('*'));
    let ends = |pattern: &&Cow<'_, str>| name.ends_with(pattern.trim_start_matches('*'));
    let wanted = wanted.is_empty() || wanted.iter().any(&ends);
    wanted && !unwanted.iter().any(ends)
}

/// All files of a configuration in the order in which they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    files: Vec<(String, DnsmasqConf)>,
    findings: BTreeMap<String, Vec<Finding>>,
}

impl Loaded {
    /// Reads the file at `root`, usually `/etc/dnsmasq.conf`, and those that it names.
    pub fn new(root: &str, read: &ConfFiles) -> Self {
        let mut loader = Loader { read, files: Vec::new(), findings: BTreeMap::new() };
        loader.load(root);
        let mut checker = Checker::default();
        let checked = loader.files.iter().map(|(_, conf)| checker.file(conf.pieces()));
        let checked: Vec<_> = checked.collect();
        let late = checker.finish();
        let files = loader.files.into_iter().zip(checked);
        let files = files.map(|((path, conf), checked)| (path, conf.with(checked)));
        let mut loaded = Self { files: files.collect(), findings: loader.findings };
        loaded.add(root, late);
        loaded
    }

    /// Adds what was found in each file, and what showed when all were read.
    fn add(&mut self, root: &str, late: Vec<(usize, Finding)>) {
        for (path, conf) in self.files.iter().filter(|(_, conf)| !conf.findings().is_empty()) {
            let found = self.findings.entry(path.clone()).or_default();
            found.extend(conf.findings().iter().cloned());
        }
        for (file, finding) in late {
            let path = self.files.get(file).map_or(root, |(path, _)| path.as_str());
            self.findings.entry(path.to_owned()).or_default().push(finding);
        }
    }

    /// Returns the files by path, in the order in which they are read.
    pub fn files(&self) -> &[(String, DnsmasqConf)] {
        &self.files
    }

    /// Returns what `dnsmasq --test` says.
    pub fn verdict(&self) -> Verdict {
        verdict(self.findings.values().flatten())
    }

    /// Returns what is wrong, by file: what is refused, and what is accepted and does nothing.
    pub fn warnings(&self) -> BTreeMap<String, Vec<Warning>> {
        let warnings = |found: &Vec<Finding>| found.iter().map(Finding::warning).collect();
        self.findings.iter().map(|(path, found)| (path.clone(), warnings(found))).collect()
    }

    /// Returns why dnsmasq does not start, each with its file; dnsmasq itself stops at the first.
    pub fn refusals(&self) -> impl Iterator<Item = (&str, Warning)> {
        let all =
            self.findings.iter().flat_map(|(path, found)| found.iter().map(move |f| (path, f)));
        let refused = all.filter(|(_, finding)| finding.weight == Weight::Refused);
        refused.map(|(path, finding)| (path.as_str(), finding.warning()))
    }
}

/// Finds the files, before they are checked together.
struct Loader<'a> {
    read: &'a ConfFiles,
    files: Vec<(String, DnsmasqConf)>,
    findings: BTreeMap<String, Vec<Finding>>,
}

impl Loader<'_> {
    /// Reads files one after the other: an included one comes behind the one that names it.
    fn load(&mut self, root: &str) {
        let mut todo = vec![root.to_owned()];
        let mut done = BTreeSet::new();
        while let Some(path) = todo.pop() {
            if !done.insert(path.clone()) {
                continue;
            }
            let Some(text) = self.read.files.get(&path) else {
                self.found(
                    &path,
                    1,
                    format!("`{path}` cannot be read, and dnsmasq does not start"),
                );
                continue;
            };
            let conf = DnsmasqConf::unchecked(text);
            let mut included = self.included(&path, &conf);
            included.reverse();
            todo.append(&mut included);
            self.files.push((path, conf));
        }
    }

    fn included(&mut self, path: &str, conf: &DnsmasqConf) -> Vec<String> {
        let mut included = Vec::new();
        for (line, setting) in conf.settings_of(|name| matches!(name, "conf-file" | "conf-dir")) {
            let missing = match setting {
                Setting::ConfFile(file) if self.read.files.contains_key(&*file) => {
                    included.push(file.into_owned());
                    continue;
                }
                Setting::ConfDir { path, patterns } if self.read.has_folder(&path) => {
                    included.extend(self.read.in_folder(&path, &patterns).map(str::to_owned));
                    continue;
                }
                Setting::ConfFile(path) | Setting::ConfDir { path, .. } => path,
                _ => continue,
            };
            self.found(path, line, format!("`{missing}` is not there, and dnsmasq does not start"));
        }
        included
    }

    fn found(&mut self, path: &str, line: usize, message: String) {
        let finding = Finding::new(line, Weight::Refused, message);
        self.findings.entry(path.to_owned()).or_default().push(finding);
    }
}
