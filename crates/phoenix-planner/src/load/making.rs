//! Lowering of what containers are made from, and of their health checks.

use std::collections::BTreeMap;

use phoenix_formats::id_map::IDS;

use super::finding::Finding;
use super::part::Lowering;
use crate::declared::{self, CommandLine, IdKind};
use crate::desired::{HealthCheck, IdMaps, Located, Making, Span, Template};
use crate::location::AbsolutePath;
use crate::probe::operators_line;
use crate::source::Origin;

/// The largest root file system in GiB: beyond it, it is a slip of the pen.
const LARGEST: u64 = 1 << 20;

/// The largest id that a user or group has (user_namespaces(7)).
const LARGEST_ID: u64 = (u32::MAX - 1) as u64;

/// The longest name of a snapshot that Proxmox VE takes.
const LONGEST_SNAPSHOT: usize = 40;

/// What a shell does something with; a line without any of it is a program with arguments.
const OF_SHELL: &str = "|&;<>()$`\\\"'*?[]#~=%!{}\n";

/// The raw key of the AppArmor profile.
const APPARMOR: &str = "lxc.apparmor.profile";

impl Lowering {
    /// Lowers what a container is made from; `source` is what it is cloned from, if it can be read.
    pub(super) fn making(
        &mut self,
        declared: &declared::Container,
        source: Option<Located<phoenix_formats::Vmid>>,
        at: &Origin,
    ) -> Making {
        let unprivileged = declared.unprivileged;
        let making = Making {
            template: self.template(declared.template.as_deref(), at.at("template")),
            prebuilt: self.prebuilt(declared.template_file.as_deref(), at.at("template_file")),
            source,
            snapshot: self.snapshot_name(
                declared.template_snapshot_name.as_deref(),
                at.at("template_snapshot_name"),
            ),
            storage: self.storage(declared.storage_pool.as_deref(), at.at("storage_pool")),
            size: self.number(declared.storage_size_gb, at.at("storage_size_gb"), 1..=LARGEST),
            unprivileged: unprivileged
                .map(|value| Located { value, origin: at.at("unprivileged") }),
            is_template: declared.is_template.unwrap_or_default(),
            lifecycle: declared.enable_lifecycle_snapshots.unwrap_or_default(),
            id_maps: self.id_maps(declared, at),
        };
        if let (Some(template), Some(source)) = (&making.template, &making.source) {
            let finding = Finding::error(template.origin.clone(), "made from two things")
                .label("a template")
                .with(source.origin.clone(), "and a clone");
            self.push(finding.help("Remove `template` or `clone_from_ctid`."));
        }
        making
    }

    fn template(&mut self, text: Option<&str>, origin: Origin) -> Option<Located<Template>> {
        let text = text?;
        let volume = text.split_once(":vztmpl/");
        let value = match (text.parse::<AbsolutePath>(), volume) {
            (Ok(path), _) => Template::Path(path),
            (_, Some((storage, file))) if is_storage(storage) && is_file_name(file) => {
                Template::Volume { storage: storage.to_owned(), file: file.to_owned() }
            }
            _ => {
                let message = format!("`{text}` is no template");
                let finding = Finding::error(origin, message).label("not valid");
                let help = "Write the path of a file of the node, or `local:vztmpl/FILE`.";
                self.push(finding.help(help));
                return None;
            }
        };
        Some(Located { value, origin })
    }

    fn prebuilt(&mut self, text: Option<&str>, origin: Origin) -> Option<Located<String>> {
        let text = text?;
        if is_file_name(text) {
            return Some(Located { value: text.to_owned(), origin });
        }
        let finding = Finding::error(origin, format!("`{text}` is not the name of a template"));
        let help = "Write the name of a file without its folder, such as `base-v1.tar.gz`.";
        self.push(finding.label("not valid").help(help));
        None
    }

    fn snapshot_name(&mut self, text: Option<&str>, origin: Origin) -> Option<Located<String>> {
        let text = text?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        let fits = (2..=LONGEST_SNAPSHOT).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(plain);
        if fits && text != "current" {
            return Some(Located { value: text.to_owned(), origin });
        }
        let finding = Finding::error(origin, format!("`{text}` cannot be the name of a snapshot"));
        let help = "Write 2 to 40 letters, digits, `-` and `_`, a letter first, and not `current`.";
        self.push(finding.label("not valid").help(help));
        None
    }

    pub(super) fn storage(
        &mut self,
        text: Option<&str>,
        origin: Origin,
    ) -> Option<Located<String>> {
        let text = text?;
        if is_storage(text) {
            return Some(Located { value: text.to_owned(), origin });
        }
        let finding = Finding::error(origin, format!("`{text}` cannot be the name of a storage"));
        let help = "Write the name of a storage as `pvesm status` has it, such as `local-zfs`.";
        self.push(finding.label("not valid").help(help));
        None
    }

    /// Adds the raw lines that have fields of their own.
    pub(super) fn raw_of_fields(
        &mut self,
        declared: &declared::Container,
        maps: &IdMaps,
        at: &Origin,
        raw: &mut Vec<Located<(String, String)>>,
    ) {
        let origin = at.at("id_maps");
        let idmap =
            |value| Located { value: ("lxc.idmap".to_owned(), value), origin: origin.clone() };
        if let Some(own) = raw.iter().find(|own| own.value.0 == "lxc.idmap" && !maps.is_empty()) {
            let finding = Finding::error(own.origin.clone(), "`lxc.idmap` works against `id_maps`")
                .label("phoenix sets these lines itself");
            self.push(finding.help("Remove it, or remove `id_maps`."));
        } else {
            raw.extend(maps.lines().into_iter().map(idmap));
        }
        self.apparmor(declared, at, raw);
    }

    fn apparmor(
        &mut self,
        declared: &declared::Container,
        at: &Origin,
        raw: &mut Vec<Located<(String, String)>>,
    ) {
        let Some(profile) = declared.apparmor_profile.as_deref() else { return };
        let origin = at.at("apparmor_profile");
        if profile.is_empty() || profile.contains(char::is_whitespace) {
            let message = format!("`{profile}` cannot be the name of a profile");
            let finding = Finding::error(origin, message).label("not valid");
            self.push(finding.help("Write the name of one that is loaded, or `unconfined`."));
            return;
        }
        match raw.iter().find(|own| own.value.0 == APPARMOR) {
            Some(own) if own.value.1 != profile => {
                let finding = Finding::error(own.origin.clone(), "two AppArmor profiles")
                    .label("this")
                    .with(origin, "and this");
                self.push(finding.help("Remove one of the two."));
            }
            Some(_) => {}
            None => {
                let value = (APPARMOR.to_owned(), profile.to_owned());
                raw.push(Located { value, origin });
            }
        }
    }

    fn id_maps(&mut self, declared: &declared::Container, at: &Origin) -> IdMaps {
        let mut maps = IdMaps::default();
        let Some(list) = &declared.id_maps else { return maps };
        if declared.unprivileged == Some(false) {
            let finding = Finding::error(at.at("id_maps"), "a privileged container has no id maps");
            self.push(
                finding
                    .label("its ids are the node's own")
                    .with(at.at("unprivileged"), "privileged by this")
                    .help("Remove `id_maps`, or `\"unprivileged\": false`."),
            );
            return maps;
        }
        for (origin, map) in self.each(list, &at.at("id_maps")) {
            self.id_map(map, &origin, &mut maps);
        }
        maps
    }

    fn id_map(&mut self, map: &declared::IdMap, origin: &Origin, maps: &mut IdMaps) {
        let host = self.number::<u32>(map.host_id, origin.at("host_id"), 0..=LARGEST_ID);
        let last = u64::from(IDS) - 1;
        let first = self.number::<u32>(map.container_id, origin.at("container_id"), 0..=last);
        let most = u64::from(IDS) - first.as_ref().map_or(0, |first| u64::from(first.value));
        let size = self.number::<u32>(Some(map.size.unwrap_or(1)), origin.at("size"), 1..=most);
        let (Some(kind), Some(host), Some(first), Some(size)) = (map.kind, host, first, size)
        else {
            let all = ["type", "host_id", "container_id"].map(|name| origin.at(name));
            if !all.iter().any(|at| self.findings.touches(at)) {
                self.needs(origin, "an id map", "`type`, `host_id` and `container_id`");
            }
            return;
        };
        let spans = match kind {
            IdKind::Uid => &mut maps.users,
            IdKind::Gid => &mut maps.groups,
        };
        let span = Span { host: host.value, size: size.value };
        if overlaps(spans, first.value, span) {
            let finding = Finding::error(origin.clone(), "an id is mapped twice");
            self.push(finding.label("again here").help("Remove one of the two."));
        } else {
            spans.insert(first.value, span);
        }
    }

    /// Notes an object without what it cannot be without.
    pub(super) fn needs(&mut self, origin: &Origin, what: &str, fields: &str) {
        let finding = Finding::error(origin.clone(), format!("{what} needs {fields}"));
        self.push(finding.label("something is missing").help(format!("Add {fields}.")));
    }

    /// Lowers a health check.
    pub(super) fn health(
        &mut self,
        declared: Option<&declared::HealthCheck>,
        origin: Origin,
    ) -> Option<HealthCheck> {
        const ATTEMPTS: u64 = 5;
        const PAUSE: u64 = 5;
        let declared = declared?;
        let retries = declared.retries.unwrap_or(ATTEMPTS);
        let attempts = self.number(Some(retries), origin.at("retries"), 1..=1000);
        let interval = declared.interval.unwrap_or(PAUSE);
        let pause = self.number(Some(interval), origin.at("interval"), 0..=3600);
        let (argv, is_shell) = match &declared.command {
            Some(CommandLine::Argv(argv)) => (argv.clone(), false),
            Some(CommandLine::Line(line)) if line.contains(|c| OF_SHELL.contains(c)) => {
                (operators_line(line), true)
            }
            Some(CommandLine::Line(line)) => {
                (line.split_whitespace().map(str::to_owned).collect(), false)
            }
            None => (Vec::new(), false),
        };
        if argv.first().is_none_or(String::is_empty) || argv.iter().any(|word| word.contains('\0'))
        {
            if !self.findings.touches(&origin.at("command")) {
                self.needs(&origin, "a health check", "`command`");
            }
            return None;
        }
        let (attempts, pause) = (attempts?.value, pause?.value);
        Some(HealthCheck { argv, is_shell, attempts, pause, origin })
    }
}

fn overlaps(spans: &BTreeMap<u32, Span>, first: u32, span: Span) -> bool {
    let meets = |a: u32, a_size: u32, b: u32, b_size: u32| {
        u64::from(a) < u64::from(b) + u64::from(b_size)
            && u64::from(b) < u64::from(a) + u64::from(a_size)
    };
    spans.iter().any(|(other, there)| {
        meets(*other, there.size, first, span.size)
            || meets(there.host, there.size, span.host, span.size)
    })
}

/// Returns whether a text is the name of a storage (pvesm(1)).
fn is_storage(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.len() >= 2
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(plain)
}

fn is_file_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+~".contains(c);
    !text.is_empty() && !text.starts_with(['.', '-']) && text.chars().all(plain)
}
