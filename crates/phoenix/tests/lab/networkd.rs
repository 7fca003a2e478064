//! A real systemd-networkd in the container: it removes routing rules that it has not made, and must leave
//! that of the public interface alone.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::PUBLIC;
use crate::support::{Lab, cannot_run, example, skip};

const PROGRAM: &str = "/lib/systemd/systemd-networkd";

/// How long networkd may take to set an interface up.
const GRACE: Duration = Duration::from_secs(6);
const TRIES: u32 = 5;

/// The container's internal interface, and one that comes when networkd runs already: that is when networkd looks
/// through the rules. At its own start in a container, which has no udev, it knows none of them yet.
const NETWORKS: [(&str, &str); 2] = [("eth0", "10.0.0.153/24\nGateway=10.0.0.1"), ("late", LATE)];
const LATE: &str = "10.66.0.1/24";

const DROP_IN: &str = "guests/101/fs/etc/systemd/networkd.conf.d/phoenix-public-interface.conf";

#[test]
fn the_rules_survive_networkd() {
    let test = "the_rules_survive_networkd";
    let missing = !Path::new(PROGRAM).exists();
    let missing = || missing.then(|| format!("`{PROGRAM}` is not installed (Debian: systemd)"));
    if let Some(why) = cannot_run().or_else(missing) {
        return skip(test, &why);
    }
    let scratch = TempDir::new().unwrap();
    let lab = Lab::new("n", &example(scratch.path()));
    lab.must(&["lab", "up"]);
    networks(&lab);
    networkd(&lab, "start");
    lab.must(&["apply", "--yes"]);
    assert!(lab.twin(DROP_IN).exists(), "phoenix has not seen networkd");
    for verb in ["is-active", "restart"] {
        networkd(&lab, verb);
        plug(&lab);
        assert!(has_rule(&lab), "after {verb}");
        lab.serves("lan", PUBLIC);
        lab.serves("internet", PUBLIC);
        lab.must(&["verify"]);
    }
    without_the_drop_in(&lab);
}

/// The drop-in is what keeps the rule, and phoenix mends what went without it.
fn without_the_drop_in(lab: &Lab) {
    fs::remove_file(lab.twin(DROP_IN)).unwrap();
    networkd(lab, "restart");
    plug(lab);
    assert!(!has_rule(lab), "networkd leaves rules alone, and the drop-in is for nothing");
    let failed = lab.phoenix(&["verify"]).output().unwrap();
    let said = String::from_utf8(failed.stdout).unwrap();
    assert_eq!(failed.status.code(), Some(4), "{said}");
    assert!(said.contains("lxc/101/public-route"), "{said}");
    lab.must(&["apply", "--yes"]);
    plug(lab);
    assert!(has_rule(lab));
    lab.serves("internet", PUBLIC);
}

fn networkd(lab: &Lab, verb: &str) {
    lab.says("101", &["systemctl", verb, "systemd-networkd.service"]);
}

fn networks(lab: &Lab) {
    let folder = lab.twin("guests/101/fs/etc/systemd/network");
    fs::create_dir_all(&folder).unwrap();
    for (name, address) in NETWORKS {
        let text =
            format!("[Match]\nName={name}\n[Network]\nLinkLocalAddressing=no\nAddress={address}\n");
        fs::write(folder.join(name).with_extension("network"), text).unwrap();
    }
}

/// Plugs an interface in that networkd sets up, and waits until it has. On a busy machine it misses one that comes
/// while it starts, so there are some tries.
fn plug(lab: &Lab) {
    let set_up = || {
        // There is none at first.
        lab.exec("101", &["ip", "link", "del", "late"]);
        // It must have read what there is before something comes.
        std::thread::sleep(Duration::from_secs(1));
        lab.says("101", &["ip", "link", "add", "late", "type", "veth", "peer", "name", "early"]);
        lab.says("101", &["ip", "link", "set", "early", "up"]);
        let begun = Instant::now();
        let shown = || lab.says("101", &["ip", "-brief", "address", "show", "late"]);
        while begun.elapsed() < GRACE {
            if shown().contains(LATE) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    };
    let done = (0..TRIES).any(|_| set_up());
    networkd(lab, "is-active");
    assert!(done, "networkd runs, and does not set an interface up");
}

fn has_rule(lab: &Lab) -> bool {
    lab.says("101", &["ip", "rule", "show"]).contains(&format!("from {PUBLIC} lookup 101"))
}
