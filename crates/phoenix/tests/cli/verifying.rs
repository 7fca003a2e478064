//! `verify`: what it shows before and after an apply, and what it ends with.

use std::net::{Ipv4Addr, UdpSocket};

use crate::support::{Copy, compare};

const UPGRADE: &str = "macvlan-upgrade";
const HYPERVISOR: &str = "phoenix_hypervisor_config.json";

/// Declares a public domain, which this server is asked for.
fn with_domain(copy: &Copy, resolver: &str) {
    let network = format!(
        "\"network\": {{\n        \"public_domain\": \"thinkheads.ai\",\n        \"public_resolver\": \"{resolver}\","
    );
    let text = copy.read(HYPERVISOR).replacen("\"network\": {", &network, 1);
    copy.write(HYPERVISOR, &text);
}

#[test]
fn the_upgrade_is_verified_before_and_after() {
    let copy = Copy::of(UPGRADE);
    with_domain(&copy, "192.0.2.53");
    let before = copy.node();
    let run = copy.phoenix(&["verify"]).exits(4);
    compare("verify", "before", &run.shown());
    compare("verify", "before-json", &copy.phoenix(&["verify", "--json"]).exits(4).shown());
    assert!(before == copy.node(), "looking has changed the node");
    let apply = copy.phoenix(&["apply", "--yes"]).exits(0);
    let verified = "Verified what was changed: 13 ok, 0 failed, 0 skipped.\n";
    assert!(apply.stderr.ends_with(verified), "{}", apply.stderr);
    compare("verify", "after", &copy.phoenix(&["verify"]).exits(0).shown());
    compare("verify", "after-json", &copy.phoenix(&["verify", "--json"]).exits(0).shown());
}

#[test]
fn what_is_declared_and_not_on_the_node_is_skipped() {
    compare("verify", "upstream-empty", &Copy::of("upstream-empty").phoenix(&["verify"]).shown());
}

/// Machines and the services of features, in force and not.
#[test]
fn machines_and_services_of_features_are_looked_at() {
    let copy = Copy::of("trust");
    drop(copy.phoenix(&["apply", "--yes"]).exits(0));
    let asked = ["verify", "lxc/103/step_ca/service", "lxc/102/traefik/service"];
    compare("verify", "features", &copy.phoenix(&asked).shown());
    let copy = Copy::of("vm-drift");
    compare("verify", "machines", &copy.phoenix(&["verify"]).exits(4).stdout);
    drop(copy.phoenix(&["apply", "--yes"]).exits(0));
    drop(copy.phoenix(&["verify", "vm/1001", "vm/1002"]).exits(0));
}

/// What phoenix set up inside of machines, in force and then not; and an agent that has gone.
#[test]
fn the_inside_of_machines_is_looked_at() {
    let copy = Copy::of("vm-inside");
    drop(copy.phoenix(&["apply", "--yes"]).exits(0));
    let asked = ["verify", "vm/1001", "vm/1002", "vm/1003", "vm/1004"];
    compare("verify", "vm-inside", &copy.phoenix(&asked).exits(4).stdout);
    let root = "node/guests/1001/fs/usr/local/share/ca-certificates/phoenix_root_ca.crt";
    copy.write(root, "no certificate any more\n");
    let script = "node/fs/root/features/docker.sh";
    copy.write(script, &format!("{}# more\n", copy.read(script)));
    let store = "node/guests/1003/fs/etc/ssl/certs/ca-certificates.crt";
    copy.write(store, "");
    // A line of somebody else's in the way, one of phoenix's own that was changed, and what is not mounted any more.
    let (table, mounts) = ("node/guests/1001/fs/etc/fstab", "node/live/guests/1001/mounts");
    let lines = copy.read(table).replace("10.0.0.13:/srv/stacks", "10.0.0.13:/srv/elsewhere");
    let theirs = "10.0.0.7:/theirs /mnt/persistent nfs rw";
    let ours = "10.0.0.13:/srv/swarm /mnt/persistent nfs _netdev,nofail,x-phoenix.volume";
    assert!(lines.contains(ours));
    copy.write(table, &lines.replace(ours, theirs));
    copy.write(mounts, "10.0.0.7:/theirs /mnt/persistent\n");
    compare("cli", "vm-inside-drifted", &copy.phoenix(&["plan"]).shown());
    drop(copy.phoenix(&["apply", "--yes"]).exits(0));
    let settings = copy.read("node/node.json");
    let silent = settings.replace("\"without_agent\": [", "\"without_agent\": [\"1001\", ");
    assert_ne!(settings, silent);
    copy.write("node/node.json", &silent);
    compare("cli", "vm-inside-silent", &copy.phoenix(&["plan"]).shown());
}

#[test]
fn only_the_named_resources_are_looked_at() {
    let copy = Copy::of(UPGRADE);
    let run = copy.phoenix(&["verify", "lxc/102", "hosts/node"]).exits(0);
    let addresses = run.stdout.lines().filter_map(|line| line.split_whitespace().nth(1));
    let addresses = addresses.filter(|word| word.contains('/')).collect::<Vec<_>>();
    assert_eq!(addresses, ["hosts/node", "lxc/102", "lxc/102/net0"]);
    let unknown = copy.phoenix(&["verify", "lxc/999"]).exits(1);
    assert_eq!(unknown.stdout, "");
    assert!(unknown.stderr.contains("nothing is checked at `lxc/999`"), "{}", unknown.stderr);
}

#[test]
fn an_apply_says_what_is_not_in_force_and_ends_as_ever() {
    let copy = Copy::of(UPGRADE);
    let answer = r#"[{"place": "node", "argv": ["pve-firewall", "status"], "stdout": "Status: disabled/running"}]"#;
    copy.write("node/answers.json", answer);
    let run = copy.phoenix(&["apply", "--yes"]).exits(0);
    let (_, talk) = run.stderr.split_once("Verified what was changed").unwrap();
    assert!(talk.contains("\nfailed "), "{talk}");
    assert!(talk.contains("it is disabled/running, not enabled/running\n"), "{talk}");
}

/// Answers every question with NXDOMAIN.
fn knows_nothing() -> String {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut bytes = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            bytes[2] |= 0x80;
            bytes[3] = 3;
            socket.send_to(&bytes[..length], from).unwrap();
        }
    });
    address
}

#[test]
fn from_here_needs_no_node() {
    let copy = Copy::of(UPGRADE);
    with_domain(&copy, &knows_nothing());
    let args = ["verify", "--from-here", "--attempts", "1", "--config", "."];
    let run = copy.bare(&[&args[..], &["public-domain/thinkheads.ai"]].concat()).exits(4);
    let shown = run.shown();
    let port = shown.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(':').next());
    compare("verify", "from-here", &shown.replace(port.unwrap(), "PORT"));
    // Other resources are not looked at from here.
    let _ = copy.bare(&[&args[..], &["lxc/102"]].concat()).exits(1);
}

#[test]
fn without_a_node_and_without_from_here_it_is_an_error() {
    let copy = Copy::of(UPGRADE);
    let run = copy.bare(&["verify", "--config", "."]).exits(1);
    assert!(run.stderr.contains("--node-dir"), "{}", run.stderr);
}

#[test]
fn a_resolver_that_is_none_is_refused() {
    for wrong in ["dns.example.com", "0.0.0.0", "1.1.1.1:0", "1.1.1.1/32", ""] {
        let copy = Copy::of(UPGRADE);
        with_domain(&copy, wrong);
        let run = copy.bare(&["validate", "--config", "."]).exits(1);
        assert!(run.stderr.contains("is not the address of a DNS server"), "{}", run.stderr);
    }
}
