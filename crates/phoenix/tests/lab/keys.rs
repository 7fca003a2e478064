//! The keys that phoenix writes, given to LXC itself: it refuses a configuration with a key, or a value of one,
//! that it does not know. The kernel is not asked, so that this also says something about an ipvlan on a machine
//! that has none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::{example_of, missing, skip};

/// What loads a configuration without starting it.
const LOADS: (&str, &str) = ("lxc-info", "lxc");

/// A folder of containers that LXC looks into, and which it makes locks for.
struct Containers(TempDir);

impl Containers {
    /// Gives LXC a configuration; returns what it has read of a key, or nothing when it refuses all of it.
    fn load(&self, lines: &[String], key: &str) -> Option<String> {
        let folder = self.0.path().join("guest");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config"), lines.concat()).unwrap();
        let mut command = Command::new(LOADS.0);
        command.args(["--name", "guest", "--config", key, "--lxcpath"]).arg(self.0.path());
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        output.status.success().then_some(said)
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        let locks = Path::new("/run/lxc/lock");
        let own = self.0.path().strip_prefix("/").unwrap();
        // There is none when LXC was not asked.
        fs::remove_dir_all(locks.join(own)).ok();
    }
}

/// Applies an example on its captured node, changed before; returns the lines that LXC is to read.
fn keys(example: &str, change: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let scratch = TempDir::new().unwrap();
    let folder = example_of(scratch.path(), example);
    let file = folder.join("phoenix_lxc_configs.json");
    fs::write(&file, change(&fs::read_to_string(&file).unwrap())).unwrap();
    apply(&folder);
    let conf = fs::read_to_string(folder.join("node/fs/etc/pve/lxc/101.conf")).unwrap();
    let lines = conf.lines().take_while(|line| !line.starts_with('['));
    let raw = lines.filter(|line| line.starts_with("lxc.") && !line.starts_with("lxc.apparmor"));
    raw.map(|line| line.split_once(": ").unwrap())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn apply(folder: &PathBuf) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_phoenix"));
    command.args(["apply", "--yes", "--config"]).arg(folder);
    command.arg("--node-dir").arg(folder.join("node")).env_remove("PHOENIX_CONFIG");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Insists that LXC reads every key as it was written, and refuses each when it is misspelt.
fn check(test: &str, keys: &[(String, String)], wrong: &[(&str, &str)]) {
    if let Some(why) = missing(&[LOADS]) {
        return skip(test, &why);
    }
    let containers = Containers(TempDir::new().unwrap());
    let line = |key: &str, value: &str| format!("{key} = {value}\n");
    let lines = keys.iter().map(|(key, value)| line(key, value)).collect::<Vec<_>>();
    for (number, (key, value)) in keys.iter().enumerate() {
        let read = containers.load(&lines, key).unwrap_or_else(|| panic!("refused: {lines:?}"));
        assert!(read.contains(value.as_str()), "{key}: {read}");
        let mut broken = lines.clone();
        broken[number] = line(&format!("{key}x"), value);
        assert_eq!(containers.load(&broken, key), None, "{}", broken[number]);
    }
    for (key, value) in wrong {
        let of = |line: &String| line.starts_with(&format!("{key} ="));
        let number = lines.iter().position(of).unwrap_or_else(|| panic!("no {key}: {lines:?}"));
        let mut broken = lines.clone();
        broken[number] = line(key, value);
        assert_eq!(containers.load(&broken, key), None, "{}", broken[number]);
    }
    // A key of one type of interface counts only behind the type.
    let mut late = lines.clone();
    late.rotate_left(1);
    assert_eq!(containers.load(&late, "lxc.net.1.type"), None, "{late:?}");
}

#[test]
fn lxc_reads_the_keys_of_a_macvlan() {
    let keys_of = |example| keys(example, str::to_owned);
    let wrong = [
        ("lxc.net.1.type", "macvlann"),
        ("lxc.net.1.macvlan.mode", "brigde"),
        ("lxc.net.1.ipv4.address", "192.168.1.153/99"),
    ];
    for example in ["macvlan-upgrade", "one-subnet"] {
        let keys = keys_of(example);
        assert_eq!(keys[0], ("lxc.net.1.type".to_owned(), "macvlan".to_owned()));
        assert_eq!(keys.last().unwrap().0, "lxc.hook.start");
        check("lxc_reads_the_keys_of_a_macvlan", &keys, &wrong);
    }
}

#[test]
fn lxc_reads_the_keys_of_an_ipvlan() {
    let keys = keys("macvlan-upgrade", |text| {
        let lines = text
            .lines()
            .filter(|line| !line.contains("\"mode\"") && !line.contains("\"mac_address\": \"02:"));
        let text = lines.collect::<Vec<_>>().join("\n");
        // The last member has no comma.
        text.replacen("\"macvlan\"", "\"ipvlan\"", 1).replacen(
            "\"gw\": \"192.168.1.1\",",
            "\"gw\": \"192.168.1.1\"",
            1,
        )
    });
    let has = |key: &str, value: &str| keys.contains(&(key.to_owned(), value.to_owned()));
    assert!(has("lxc.net.1.type", "ipvlan") && has("lxc.net.1.ipvlan.mode", "l3"), "{keys:?}");
    assert!(!keys.iter().any(|(key, _)| key == "lxc.net.1.hwaddr"), "{keys:?}");
    let wrong = [
        ("lxc.net.1.type", "ipvlann"),
        ("lxc.net.1.ipvlan.mode", "l4"),
        ("lxc.net.1.ipv4.address", "192.168.1.153/99"),
    ];
    check("lxc_reads_the_keys_of_an_ipvlan", &keys, &wrong);
}

#[test]
fn a_port_of_the_bridge_needs_no_keys_but_the_mark_and_the_hook() {
    let keys = keys("veth", str::to_owned);
    assert!(!keys.iter().any(|(key, _)| key.starts_with("lxc.net.")), "{keys:?}");
}
