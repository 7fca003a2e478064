//! A container's configuration and its interfaces.

use std::collections::BTreeSet;

use phoenix_formats::Warning;
use phoenix_formats::lxc_conf::{LxcConf, Section};
use phoenix_formats::net::NetView;

use super::text::{Annotated, count};

pub(super) fn lxc_conf(conf: &LxcConf) -> String {
    let warned: BTreeSet<usize> = conf.warnings().iter().map(|warning| warning.line).collect();
    let lost = conf.lost();
    let gone: BTreeSet<usize> = lost.iter().map(|lost| lost.line).collect();
    let lost = lost.iter().filter(|lost| !warned.contains(&lost.line)).map(|lost| {
        Warning::new(lost.line, format!("lost at Proxmox VE's next write: {}", lost.reason))
    });
    let raw = conf.main().raw().len();
    let mut counts = vec![
        count(conf.entries().count(), "setting", "settings"),
        count(raw, "raw key", "raw keys"),
        count(conf.snapshots().len(), "snapshot", "snapshots"),
    ];
    if !conf.pending().is_empty() {
        counts.push("changes are pending".to_owned());
    }
    Annotated {
        text: conf.text(),
        notes: notes(conf, &gone),
        warnings: conf.warnings().iter().cloned().chain(lost).collect(),
        counts,
    }
    .render()
}

/// Which section a line is in.
#[derive(Clone, Copy)]
enum Place<'a> {
    Main,
    Pending,
    Snapshot(&'a Section),
}

/// Says what the lines mean, those that are lost left out.
fn notes(conf: &LxcConf, gone: &BTreeSet<usize>) -> Vec<(usize, String)> {
    let mut place = Place::Main;
    let mut notes = Vec::new();
    for (index, line) in conf.text().split('\n').enumerate() {
        let line = line.trim_end();
        let note = match head(conf, line) {
            Some((opened, note)) => {
                place = opened;
                Some(note)
            }
            None => setting(conf, place, line),
        };
        let kept = !gone.contains(&(index + 1));
        notes.extend(note.filter(|_| kept).map(|note| (index + 1, note)));
    }
    notes
}

fn head<'a>(conf: &'a LxcConf, line: &str) -> Option<(Place<'a>, String)> {
    let name = line.strip_prefix('[')?.strip_suffix(']')?;
    if name.eq_ignore_ascii_case("pve:pending") {
        let note = "from here on: takes effect when the container stops".to_owned();
        return Some((Place::Pending, note));
    }
    let section = conf.snapshots().get(name)?;
    Some((Place::Snapshot(section), format!("from here on: the snapshot `{name}`")))
}

fn setting(conf: &LxcConf, place: Place<'_>, line: &str) -> Option<String> {
    let section = match place {
        Place::Main => conf.main(),
        Place::Pending => conf.pending(),
        Place::Snapshot(section) => section,
    };
    if line.starts_with('#') {
        return Some("description".to_owned());
    }
    let (key, value) = line.split_once([':', '='])?;
    let (key, value) = (key.trim_end(), value.trim_start());
    if key.starts_with("lxc.") {
        return Some(format!("raw key `{key}`, handed to LXC as it is"));
    }
    if key == "delete" {
        return Some(format!("to be deleted: {value}"));
    }
    section.get(key).map(|_| meaning(key, value))
}

/// What some settings are, in a few words.
const WORDS: &[(&str, &str)] = &[
    ("arch", "architecture"),
    ("cores", "CPU cores"),
    ("cpulimit", "CPUs at most"),
    ("cpuunits", "CPU weight"),
    ("description", "description"),
    ("features", "features"),
    ("hostname", "host name"),
    ("lock", "locked for"),
    ("memory", "MiB of memory"),
    ("nameserver", "DNS servers"),
    ("onboot", "starts with the node"),
    ("ostype", "operating system"),
    ("parent", "parent snapshot"),
    ("searchdomain", "DNS search list"),
    ("snaptime", "taken at"),
    ("startup", "order of start"),
    ("swap", "MiB of swap"),
    ("tags", "tags"),
    ("template", "is a template"),
    ("unprivileged", "runs unprivileged"),
];

fn meaning(key: &str, value: &str) -> String {
    if let Some(number) = key.strip_prefix("net") {
        return format!("interface {number}: {}", net(&NetView::of(value)));
    }
    if key == "rootfs" {
        return format!("root file system: {value}");
    }
    if let Some(number) = key.strip_prefix("mp") {
        return format!("mount point {number}: {value}");
    }
    match WORDS.iter().find(|(known, _)| *known == key) {
        Some((_, words)) => format!("{words}: {value}"),
        None => format!("setting `{key}`"),
    }
}

/// Prints every input with its properties.
pub(super) fn nets(text: &str, view: fn(&str) -> NetView) -> String {
    let lines = text.strip_suffix('\n').unwrap_or(text);
    let views: Vec<NetView> = lines.split('\n').map(view).collect();
    let refused = views.iter().filter(|view| !view.accepted).count();
    let mut notes = Vec::new();
    let mut warnings = Vec::new();
    for (index, view) in views.iter().enumerate() {
        match &view.error {
            None => notes.push((index + 1, net(view))),
            Some(error) => warnings.push(Warning::new(index + 1, format!("refused: {error}"))),
        }
    }
    let counts = vec![format!("{} accepted", views.len() - refused), format!("{refused} refused")];
    // An empty line is an input too.
    let text = format!("{lines}\n");
    Annotated { text: &text, notes, warnings, counts }.render()
}

/// What an `ipconfigN` without any property means, the only value that may be empty.
const NO_ADDRESS: &str = "IPv4 dhcp, IPv6 dhcp";

fn net(view: &NetView) -> String {
    let Some(parsed) = &view.parsed else { return "refused by Proxmox VE".to_owned() };
    let named = |key: &str, words: &str| parsed.get(key).map(|value| format!("{words}{value}"));
    let known = [
        ("name", ""),
        ("model", "card "),
        ("bridge", "on "),
        ("tag", "VLAN "),
        ("hwaddr", "MAC "),
        ("macaddr", "MAC "),
        ("ip", "IPv4 "),
        ("gw", "gateway "),
        ("ip6", "IPv6 "),
        ("gw6", "gateway "),
        ("mtu", "MTU "),
        ("rate", "MB/s "),
        ("queues", "queues "),
        ("trunks", "trunks "),
    ];
    let mut words: Vec<String> =
        known.iter().filter_map(|(key, words)| named(key, words)).collect();
    let on = |key: &str| parsed.get(key).is_some_and(|value| value == "1");
    words.extend(on("firewall").then(|| "behind the firewall".to_owned()));
    words.extend(on("link_down").then(|| "cable unplugged".to_owned()));
    if words.is_empty() { NO_ADDRESS.to_owned() } else { words.join(", ") }
}
