//! The shim beside the examples: what takes it away, what makes it again, what it must not be.

use crate::support::Copy;

const CONTAINERS: &str = "phoenix_lxc_configs.json";
const GLOBAL: &str = "phoenix_hypervisor_config.json";
const FILE: &str = "node/fs/etc/network/interfaces.d/phoenix-shim";

fn replace(copy: &Copy, file: &str, from: &str, to: &str) {
    let text = copy.read(file);
    assert!(text.contains(from), "{file} has no {from}");
    copy.write(file, &text.replacen(from, to, 1));
}

/// Plans, insists on a text, applies, and insists that nothing is left to do.
fn settles(copy: &Copy, wanted: &[&str]) {
    let plan = copy.phoenix(&["plan"]).exits(0);
    for text in wanted {
        assert!(plan.stdout.contains(text), "no {text} in {}", plan.stdout);
    }
    let _ = copy.phoenix(&["apply", "--yes"]).exits(0);
    let again = copy.phoenix(&["plan"]).exits(0);
    assert_eq!(again.stdout, "No changes.\n");
}

#[test]
fn it_goes_with_the_last_macvlan() {
    for (from, to) in [("\"enabled\": true", "\"enabled\": false"), ("\"macvlan\"", "\"ipvlan\"")] {
        let copy = Copy::of("shim-removed");
        replace(
            &copy,
            GLOBAL,
            "\"vmbr0\"\n",
            "\"vmbr0\", \"public_shim_address\": \"192.168.1.14\"\n",
        );
        assert_eq!(copy.phoenix(&["plan"]).exits(0).stdout, "No changes.\n");
        replace(&copy, CONTAINERS, from, to);
        if to.contains("ipvlan") {
            replace(&copy, CONTAINERS, "\"mode\": \"bridge\",", "");
            replace(
                &copy,
                CONTAINERS,
                ",\n                \"mac_address\": \"02:00:00:00:01:01\"",
                "",
            );
        }
        settles(&copy, &["- shim/vmbr0", "no container has a macvlan interface that it is for"]);
        assert!(!copy.path().join(FILE).exists());
    }
}

#[test]
fn a_link_that_is_wrong_is_made_again() {
    let links = "node/live/links.json";
    for (from, to, why) in [
        (
            "\"192.168.1.14\"",
            "\"192.168.1.15\"",
            "phoenix-shim has 192.168.1.15/32, not 192.168.1.14/32",
        ),
        ("\"link\":\"vmbr0\"", "\"link\":\"vmbr9\"", "phoenix-shim is on vmbr9, not on vmbr0"),
        (
            "\"info_kind\":\"macvlan\"",
            "\"info_kind\":\"dummy\"",
            "phoenix-shim is dummy, not macvlan",
        ),
    ] {
        let copy = Copy::of("shim-drifted");
        replace(&copy, links, from, to);
        let plan = copy.phoenix(&["plan"]).exits(0);
        assert!(plan.stdout.contains(why), "{}", plan.stdout);
        assert!(plan.stdout.contains("$ ip link delete dev phoenix-shim"), "{}", plan.stdout);
    }
    let copy = Copy::of("shim-drifted");
    replace(&copy, links, "\"192.168.1.14\"", "\"192.168.1.15\"");
    settles(&copy, &["~ shim/vmbr0"]);
}

#[test]
fn another_address_or_mac_leaves_nothing_of_the_old_one() {
    let copy = Copy::of("shim-removed");
    replace(
        &copy,
        GLOBAL,
        "\"vmbr0\"\n",
        "\"vmbr0\", \"public_shim_address\": \"192.168.1.15/32\"\n",
    );
    replace(&copy, CONTAINERS, "02:00:00:00:01:01", "02:00:00:00:01:02");
    settles(
        &copy,
        &["its file differs", "$ bridge fdb del 02:00:00:00:01:01 dev vmbr0 self local"],
    );
    assert_eq!(copy.read("node/live/fdb"), "vmbr0 02:00:00:00:01:02\n");
    assert_eq!(copy.read("node/live/routes"), "phoenix-shim 192.168.1.153/32 192.168.1.15\n");
}

#[test]
fn its_address_is_nobody_elses() {
    for (address, whose) in [
        ("192.168.1.153", "is given twice"),
        ("192.168.1.13", "it is the node's own, on vmbr0"),
        ("192.168.1.1", "it is a gateway's"),
        ("192.168.1.255", "it is the broadcast address of the subnet"),
        ("127.0.0.1", "an address of the loopback interface"),
    ] {
        let copy = Copy::of("shim");
        replace(&copy, GLOBAL, "192.168.1.14", address);
        let run = copy.phoenix(&["plan"]).exits(1);
        assert!(run.stderr.replace("\n  | ", " ").contains(whose), "{address}: {}", run.stderr);
    }
}

#[test]
fn a_second_gateway_that_an_older_phoenix_gave_goes() {
    let copy = Copy::of("pct-macvlan");
    let _ = copy.phoenix(&["apply", "--yes"]).exits(0);
    let conf = "node/fs/etc/pve/lxc/101.conf";
    assert!(!copy.read(conf).contains("gw=192.168.1.1"), "{}", copy.read(conf));
    replace(&copy, conf, "ip=192.168.1.153/24", "gw=192.168.1.1,ip=192.168.1.153/24");
    settles(
        &copy,
        &["gw 192.168.1.1 goes out of", "type=macvlan,mode=bridge,ip=192.168.1.153/24\n"],
    );
    assert!(!copy.read(conf).contains("gw=192.168.1.1"), "{}", copy.read(conf));
}
