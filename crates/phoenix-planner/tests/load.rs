//! What the operator's files may hold, and what phoenix says about what they may not.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its case must fail")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use miette::{GraphicalReportHandler, GraphicalTheme};
use phoenix_formats::Vmid;
use phoenix_planner::desired::Container;
use phoenix_planner::load::{Loaded, Strictness, load};
use phoenix_planner::problem::{Problem, Severity};
use phoenix_planner::source::{FileKind, Sources};

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

/// The least of each file that is valid, for cases that are about another.
const EMPTY: &str = "{}\n";

#[expect(clippy::disallowed_methods, reason = "tests read their cases")]
fn read_sources(folder: &Path) -> Sources {
    let mut sources = Sources::default();
    for kind in FileKind::ALL {
        match std::fs::read_to_string(folder.join(kind.file_name())) {
            Ok(text) => drop(sources.files.insert(kind, text.into())),
            Err(_) if kind.is_required() => drop(sources.files.insert(kind, EMPTY.into())),
            Err(_) => {}
        }
    }
    sources
}

#[expect(clippy::disallowed_methods, reason = "tests read their cases")]
fn cases(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new(CRATE).join("tests").join(folder)).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    paths.sort();
    paths
}

fn render(problem: &Problem) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::none());
    let mut text = String::new();
    handler.with_width(100).with_links(false).render_report(&mut text, problem).unwrap();
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn report(loaded: &Loaded) -> String {
    let mut text = loaded.problems.iter().map(render).collect::<Vec<_>>().join("\n");
    for (line, count) in unmanaged(loaded) {
        writeln!(text, "{count:4} {line}").unwrap();
    }
    text
}

/// Counts the fields that are left alone, taking those of all guests together.
fn unmanaged(loaded: &Loaded) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    for unmanaged in &loaded.unmanaged {
        let steps = unmanaged.origin.pointer.split('/').skip(1);
        let steps = steps.map(|step| if step.parse::<usize>().is_ok() { "*" } else { step });
        let pointer = steps.map(|step| format!("/{step}")).collect::<String>();
        let file = unmanaged.origin.file.file_name();
        *lines.entry(format!("{file} {pointer} {:?}", unmanaged.reason)).or_default() += 1;
    }
    lines
}

fn check(name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(Path::new(CRATE).join("../../snapshots/load"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn invalid_files_are_explained() {
    for folder in cases("invalid") {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let loaded = load(&read_sources(&folder), Strictness::Lenient);
        let errors = loaded.count(Severity::Error);
        assert_eq!(loaded.desired.is_none(), errors > 0, "{name}: desired and errors disagree");
        assert!(!loaded.problems.is_empty(), "{name}: nothing is said about it");
        check(&name, &report(&loaded));
    }
}

fn upstream() -> Sources {
    read_sources(&Path::new(CRATE).join("tests/upstream"))
}

#[test]
fn a_real_operators_files_are_accepted() {
    let loaded = load(&upstream(), Strictness::Strict);
    check("upstream", &report(&loaded));
    let desired = loaded.desired.expect("the files of a real operator have no errors");
    assert_eq!(desired.containers.len(), 12);
    assert_eq!(desired.vms.len(), 3);
}

#[test]
fn the_gateway_of_a_real_operator_means_what_it_says() {
    let desired = load(&upstream(), Strictness::Strict).desired.unwrap();
    let gateway = &desired.containers[&"101".parse().unwrap()];
    let public = gateway.public.as_ref().unwrap();
    assert_eq!(
        public.spec_string(),
        "name=eth1,macaddr=02:00:00:00:01:01,bridge=vmbr0,type=macvlan,mode=bridge,ip=10.0.0.154/24,gw=10.0.0.1"
    );
    assert_eq!(public.nginx_sites[0].as_str(), "/etc/nginx/sites-available/gateway");
    let raw = gateway.raw.iter().map(|raw| raw.value.clone()).collect::<Vec<_>>();
    let wanted = [
        ("lxc.mount.auto", "sys:rw"),
        ("lxc.idmap", "u 0 100000 65536"),
        ("lxc.idmap", "g 0 100000 33"),
        ("lxc.idmap", "g 33 33 1"),
        ("lxc.idmap", "g 34 100034 65502"),
        ("lxc.apparmor.profile", "unconfined"),
    ];
    assert_eq!(raw, wanted.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(gateway.hostname.as_ref().unwrap().value, "Nginx-Phoenix");
    assert_eq!(gateway.memory.as_ref().unwrap().value, 4096);
    assert!(gateway.nesting.as_ref().unwrap().value);
    assert_eq!(
        gateway.nameservers.as_ref().unwrap().value,
        ["10.0.0.13".parse::<IpAddr>().unwrap()]
    );
    let rules = gateway.firewall.as_ref().unwrap().rules.as_ref().unwrap();
    assert_eq!(rules.len(), 8);
    assert_eq!(
        rules[5].value.to_string(),
        "IN ACCEPT -source 10.0.0.10 -p tcp -dport 80,443 # Allow Step CA (10.0.0.10) to connect for ACME validation"
    );
    let needed = gateway.dependencies.iter().map(|needed| needed.value.get()).collect::<Vec<_>>();
    assert_eq!(needed, [103, 900]);
}

fn containers(text: &str) -> Sources {
    let hypervisor = r#"{ "network": { "public_bridge": "vmbr0" } }"#.into();
    let files = [(FileKind::Hypervisor, hypervisor), (FileKind::Containers, text.into())];
    Sources::from(files)
}

#[test]
fn absent_is_not_empty() {
    let text = r#"{ "lxc_configs": {
        "101": { "network_config": { "nameservers": "" }, "firewall": { "rules": [] } },
        "102": { "network_config": { "nameservers": null }, "firewall": { "rules": null }, "public_interface": null },
        "103": null
    } }"#;
    let desired = load(&containers(text), Strictness::Strict).desired.unwrap();
    let [one, two] = [101, 102].map(|n| &desired.containers[&Vmid::new(n).unwrap()]);
    assert_eq!(one.nameservers.as_ref().unwrap().value, Vec::<IpAddr>::new());
    assert!(one.firewall.as_ref().unwrap().rules.as_ref().unwrap().is_empty());
    assert!(two.nameservers.is_none() && two.firewall.as_ref().unwrap().rules.is_none());
    assert!(two.public.is_none() && one.net0.as_ref().unwrap().name.as_str() == "eth0");
    assert_eq!(desired.containers.len(), 2);
}

#[test]
fn what_operators_write_in_several_ways_means_the_same() {
    let text = r#"{ "lxc_configs": {
        // Comments are taken.
        "101": { "network_config": { "nameservers": "1.1.1.1, 8.8.8.8" }, "dependencies": ["102"],
                 "firewall": { "rules": [{ "type": "in", "action": "ACCEPT", "proto": "tcp", "port": "443", "iface": "eth1" }] } },
        "102": { "network_config": { "nameservers": ["1.1.1.1", "8.8.8.8"] }, "clone_from_ctid": 103,
                 "firewall": { "rules": [{ "type": "in", "action": "ACCEPT", "proto": "tcp", "port": 443, "iface": "net1" }] } },
        "103": { "lxc_options": ["lxc.a=b:c", "lxc.a: b:c", "lxc.a:b:c"], "pct_options": ["nesting=1,fuse=on"] }
    } }"#;
    let desired = load(&containers(text), Strictness::Strict).desired.unwrap();
    let [one, two, three] = [101, 102, 103].map(|n| &desired.containers[&Vmid::new(n).unwrap()]);
    let servers = |c: &Container| c.nameservers.clone().unwrap().value;
    let rule = |c: &Container| c.firewall.clone().unwrap().rules.unwrap()[0].value.to_string();
    assert_eq!(servers(one), servers(two));
    assert_eq!(rule(one), "IN ACCEPT -i net1 -p tcp -dport 443");
    assert_eq!(rule(one), rule(two));
    assert_eq!(two.dependencies[0].value.get(), 103);
    assert!(three.raw.iter().all(|raw| raw.value == ("lxc.a".to_owned(), "b:c".to_owned())));
    assert!(three.nesting.as_ref().unwrap().value && three.features["fuse"].value == "1");
}

#[test]
fn strict_makes_typos_errors() {
    let sources = containers(r#"{ "lxc_configs": { "101": { "memory_bm": 2048 } } }"#);
    let counts = |strictness| {
        let loaded = load(&sources, strictness);
        (loaded.count(Severity::Error), loaded.count(Severity::Warning), loaded.problems[0].line())
    };
    assert_eq!(counts(Strictness::Lenient), (0, 1, 1));
    assert_eq!(counts(Strictness::Strict), (1, 0, 1));
}

#[test]
fn a_missing_file_is_named() {
    let loaded = load(&Sources::default(), Strictness::Lenient);
    assert!(loaded.desired.is_none());
    check("nothing-at-all", &report(&loaded));
}
