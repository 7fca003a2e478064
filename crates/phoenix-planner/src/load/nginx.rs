//! Lowering of a container's web server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use phoenix_formats::Vmid;
use phoenix_formats::nginx::NginxConf;

use super::finding::Finding;
use super::part::Lowering;
use crate::declared::{self, ContainerFile, List, Number};
use crate::desired::{Located, Nginx, OwnFile, Trust};
use crate::kind;
use crate::location::AbsolutePath;
use crate::source::{FileKind, NamedPath, Origin, Sources};

/// The package where none is declared.
const PACKAGE: &str = "nginx";

/// The site that Debian's package enables, which goes where nothing else is declared.
const DEBIANS_SITE: &str = "default";

/// Below it are all files that phoenix keeps for nginx.
const FOLDER: &str = "/etc/nginx";

/// The folder of the links.
const ENABLED: &str = "/etc/nginx/sites-enabled";

/// What the text of a private key has in its first line (RFC 7468).
const PRIVATE_KEY: &str = "PRIVATE KEY-----";

/// How much of a wrong line is shown, in characters.
const SHOWN: usize = 60;

impl Lowering {
    /// Lowers the web servers of all containers, and gives those that have one the feature of that name.
    pub(super) fn web_servers(
        &mut self,
        file: &ContainerFile,
        sources: &Sources,
        trust: &mut Trust,
    ) {
        let root = Origin::file(FileKind::Containers).at("lxc_configs");
        for (Number(vmid), declared) in file.lxc_configs.iter().flatten() {
            let Some(container) = declared else { continue };
            let at = root.at(vmid).at("nginx");
            match &container.nginx {
                Some(declared) => {
                    let nginx = self.web_server(declared, &at, sources);
                    trust.nginx.insert(*vmid, nginx);
                    add_feature(*vmid, at, trust);
                }
                None => trust.nginx.extend(alone(*vmid, trust).map(|nginx| (*vmid, nginx))),
            }
        }
    }

    fn web_server(&mut self, declared: &declared::Nginx, at: &Origin, sources: &Sources) -> Nginx {
        let enabled = self.site_names(declared.enabled_sites.as_ref(), &at.at("enabled_sites"));
        let removed = match &declared.removed_sites {
            None => BTreeMap::from([(DEBIANS_SITE.to_owned(), at.clone())]),
            list => self.site_names(list.as_ref(), &at.at("removed_sites")),
        };
        if declared.removed_sites.is_some() {
            self.not_both(&enabled, &removed);
        }
        let kept = removed.into_keys().filter(|name| !enabled.contains_key(name));
        Nginx {
            origin: at.clone(),
            packages: self.packages_of(declared, &at.at("packages")),
            files: self.own_files(declared, &at.at("files"), sources),
            removed: kept.collect(),
            enabled: enabled.into_keys().collect(),
        }
    }

    fn packages_of(&mut self, declared: &declared::Nginx, origin: &Origin) -> BTreeSet<String> {
        let Some(words) = &declared.packages else { return [PACKAGE.to_owned()].into() };
        let named = words.iter().filter(|name| self.package(name, origin)).map(str::to_owned);
        let named = named.collect::<BTreeSet<_>>();
        if named.is_empty() && !self.findings.touches(origin) {
            let finding = Finding::error(origin.clone(), "a web server without a package");
            self.push(finding.label("it is empty").help("Write `nginx`, or remove `packages`."));
        }
        named
    }

    fn site_names(&mut self, list: Option<&List<String>>, at: &Origin) -> BTreeMap<String, Origin> {
        let mut names = BTreeMap::new();
        for (origin, name) in list.map(|list| self.each(list, at)).unwrap_or_default() {
            if is_site_name(name) {
                names.insert(name.clone(), origin);
            } else {
                let message = format!("`{name}` cannot be the name of a site");
                let finding =
                    Finding::error(origin, message).label("letters, digits, `.`, `_`, `-`");
                self.push(
                    finding
                        .help("Write the name of a file in `sites-available`, such as `gateway`."),
                );
            }
        }
        names
    }

    fn not_both(&mut self, enabled: &BTreeMap<String, Origin>, removed: &BTreeMap<String, Origin>) {
        for (name, origin) in removed {
            if let Some(other) = enabled.get(name) {
                let message = format!("the site `{name}` is enabled and removed");
                let finding = Finding::error(origin.clone(), message).label("removed here");
                self.push(finding.with(other.clone(), "enabled here").help("Leave one of them."));
            }
        }
    }

    fn own_files(
        &mut self,
        declared: &declared::Nginx,
        at: &Origin,
        sources: &Sources,
    ) -> BTreeMap<AbsolutePath, OwnFile> {
        let mut files = BTreeMap::new();
        for (path, from) in declared.files.iter().flatten() {
            let origin = at.at(path);
            let place = self.place_of(path, &origin);
            let text = from.as_ref().and_then(|from| self.own_text(from, &origin, sources));
            if let (Some(path), Some((from, text))) = (place, text) {
                self.check_text(&path, &from, &text, &origin);
                files.insert(path, OwnFile { origin, from, text });
            }
        }
        files
    }

    /// Looks where in the container a file is to be.
    fn place_of(&mut self, path: &str, origin: &Origin) -> Option<AbsolutePath> {
        let help = "Write a path such as `/etc/nginx/sites-available/gateway`.";
        let parsed = path.parse::<AbsolutePath>().ok();
        let parsed = parsed.filter(|path| path.is_below(FOLDER) && path.as_str() != FOLDER);
        let Some(parsed) = parsed.filter(|path| !path.as_str().contains(char::is_control)) else {
            let message = format!("`{path}` is no file below `{FOLDER}`");
            let finding = Finding::error(origin.clone(), message).at_name();
            self.push(finding.label("phoenix keeps no other files of nginx").help(help));
            return None;
        };
        if parsed.is_below(ENABLED) {
            let message = format!("`{path}` is to be a link, not a file");
            let finding = Finding::error(origin.clone(), message).at_name();
            let help = "Write it below `sites-available`, and its name in `enabled_sites`.";
            self.push(finding.label("in the folder of links").help(help));
            return None;
        }
        Some(parsed)
    }

    /// Returns the text of one of the operator's own files.
    fn own_text(
        &mut self,
        from: &str,
        origin: &Origin,
        sources: &Sources,
    ) -> Option<(NamedPath, Arc<str>)> {
        let named = match from.parse::<NamedPath>() {
            Ok(named) => named,
            Err(error) => {
                let finding = Finding::error(origin.clone(), error.to_string());
                let help = "Write a path such as `nginx/gateway`, without `..`: the folder is that of this file.";
                self.push(finding.label("leads elsewhere").help(help));
                return None;
            }
        };
        let absent = Err("there is no such file".to_owned());
        match sources.named.get(&named).unwrap_or(&absent) {
            Ok(text) => Some((named, Arc::clone(text))),
            Err(why) => {
                let finding = Finding::error(origin.clone(), format!("cannot read `{named}`"));
                let help = "Keep it in the configuration folder, as a text in UTF-8.";
                self.push(finding.label(why.clone()).help(help));
                None
            }
        }
    }

    /// Looks at a text as nginx would.
    fn check_text(&mut self, path: &AbsolutePath, from: &NamedPath, text: &str, origin: &Origin) {
        if text.contains(PRIVATE_KEY) {
            let finding = Finding::error(origin.clone(), format!("`{from}` holds a private key"));
            let help = "Keep it out of the configuration: a plan shows these files.";
            self.push(finding.label("not here").help(help));
        }
        if !is_configuration(path) {
            return;
        }
        if let Some(problem) = NginxConf::parse(text).problems().first() {
            let message = format!("`{from}` line {}: {}", problem.line, problem.message);
            let line = text.split('\n').nth(problem.line.saturating_sub(1)).unwrap_or_default();
            let shown = line.trim().chars().take(SHOWN).collect::<String>();
            let shown = shown.replace(char::is_control, "\u{fffd}");
            let label = format!("line {} is `{shown}`", problem.line);
            let finding = Finding::error(origin.clone(), message).label(label);
            self.push(finding.help("Mend the file until `nginx -t` takes it."));
        }
    }
}

/// Returns the declared files of nginx's own language: those that a public interface keeps on all interfaces where
/// nothing else is said.
pub(super) fn configurations(declared: Option<&declared::Nginx>) -> Vec<AbsolutePath> {
    let files = declared.and_then(|nginx| nginx.files.as_ref()).into_iter().flatten();
    let paths = files.filter_map(|(path, _)| path.parse::<AbsolutePath>().ok());
    paths.filter(|path| path.is_below(FOLDER) && is_configuration(path)).collect()
}

/// The feature without the object is the package and its service, and leaves the rest alone.
fn alone(vmid: Vmid, trust: &Trust) -> Option<Nginx> {
    let features = trust.features.get(&vmid)?;
    let feature = features.iter().find(|feature| feature.value == kind::NGINX)?;
    Some(Nginx {
        origin: feature.origin.clone(),
        packages: [PACKAGE.to_owned()].into(),
        files: BTreeMap::new(),
        enabled: BTreeSet::new(),
        removed: BTreeSet::new(),
    })
}

fn add_feature(vmid: Vmid, origin: Origin, trust: &mut Trust) {
    let features = trust.features.entry(vmid).or_default();
    if !features.iter().any(|feature| feature.value == kind::NGINX) {
        features.push(Located { value: kind::NGINX.to_owned(), origin });
    }
}

fn is_site_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !name.starts_with(['.', '-']) && !name.is_empty() && name.chars().all(plain)
}

/// Returns whether a file is of nginx's own language by its name: others, such as pages and scripts of njs, may
/// stand there too.
fn is_configuration(path: &AbsolutePath) -> bool {
    let folders = ["/etc/nginx/sites-available", "/etc/nginx/snippets"];
    path.file_name().ends_with(".conf") || folders.iter().any(|folder| path.is_below(folder))
}
