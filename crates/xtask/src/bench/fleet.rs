//! Fleets: the operator's files for many containers, and captured nodes that have them.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::render;

/// How many firewall rules a container has.
const RULES: u32 = 10;

/// Which container of ten has drifted.
const DRIFTED: u32 = 10;

/// How far a node is from what is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Every file is as declared.
    InSync,
    /// One container of ten has another memory size, and lacks a rule.
    Drifted,
    /// There are no containers.
    Absent,
}

impl State {
    pub(super) const ALL: [Self; 3] = [Self::InSync, Self::Drifted, Self::Absent];

    /// Returns the word of the table.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "in sync",
            Self::Drifted => "10 % drifted",
            Self::Absent => "absent",
        }
    }
}

/// A fleet on disk.
pub(super) struct Fleet {
    size: u32,
    folder: PathBuf,
}

impl Fleet {
    /// Writes a fleet: its operator's files, and a node in each state.
    pub(super) fn make(size: u32, folder: &Path) -> io::Result<Self> {
        let fleet = Self { size, folder: folder.to_owned() };
        fs::create_dir_all(fleet.config())?;
        fleet.declare()?;
        for state in State::ALL {
            fleet.make_node(state)?;
        }
        Ok(fleet)
    }

    /// Returns the folder with the operator's files.
    pub(super) fn config(&self) -> PathBuf {
        self.folder.join("config")
    }

    /// Returns the folder of a captured node.
    pub(super) fn node(&self, state: State) -> PathBuf {
        self.folder.join(state.as_str().replace(' ', "-").replace('%', "percent"))
    }

    /// Returns how many containers of the drifted node have drifted.
    pub(super) fn drifted(&self) -> usize {
        (0..self.size).filter(|number| has_drifted(*number)).count()
    }

    /// Makes every container of a node as it was made first, and returns how many were not.
    pub(super) fn restore(&self, state: State) -> io::Result<usize> {
        if state == State::Absent {
            return Ok(0);
        }
        let root = self.node(state).join("fs");
        let changed = (0..self.size).map(|number| put_guest(&root, number, state));
        changed.map(|changed| changed.map(usize::from)).sum()
    }

    /// Container after container: the benchmark's own memory would count as its children's.
    fn declare(&self) -> io::Result<()> {
        let global =
            json!({"network": {"interfaces": {"name": "vmbr0", "address": "10.0.0.13/8"}}});
        fs::write(self.config().join("phoenix_hypervisor_config.json"), global.to_string())?;
        let file = fs::File::create(self.config().join("phoenix_lxc_configs.json"))?;
        let mut file = BufWriter::new(file);
        write!(file, "{{\"lxc_configs\": {{")?;
        for number in 0..self.size {
            let comma = if number == 0 { "" } else { "," };
            write!(file, "{comma}\n\"{}\": {:#}", vmid(number), guest(number))?;
        }
        writeln!(file, "\n}}}}")?;
        file.flush()
    }

    fn make_node(&self, state: State) -> io::Result<()> {
        let root = self.node(state).join("fs");
        for folder in ["etc/pve/lxc", "etc/pve/firewall", "etc/network"] {
            fs::create_dir_all(root.join(folder))?;
        }
        let interfaces =
            "auto vmbr0\niface vmbr0 inet static\n\taddress 10.0.0.13/8\n\tbridge-ports enp6s0\n";
        fs::write(root.join("etc/network/interfaces"), interfaces)?;
        let there = if state == State::Absent { 0 } else { self.size };
        // They are declared to start at boot: those that do not run would be started.
        let live = json!({"running": (0..there).map(vmid).collect::<Vec<_>>()});
        fs::write(self.node(state).join("node.json"), live.to_string())?;
        self.restore(state).map(drop)
    }
}

fn vmid(number: u32) -> String {
    (1000 + number).to_string()
}

/// Returns what the operator declares for a container.
fn guest(number: u32) -> Value {
    let [_, high, middle, low] = number.to_be_bytes();
    // No address ends in 0 or 255, nor is one the node's own.
    let ip = format!("10.{}.{}.{}/8", 1 + number / 62_500, number / 250 % 250, 1 + number % 250);
    let rules = (0..RULES).map(|rule| {
        json!({
            "type": "in", "action": "ACCEPT", "proto": "tcp", "port": (8000 + rule).to_string(),
            "source": "10.0.0.0/24", "comment": format!("rule {rule}"),
        })
    });
    json!({
        "name": format!("ct{}", vmid(number)),
        "memory_mb": 1024, "swap_mb": 512, "cores": 2,
        "start_at_boot": true, "boot_order": number % 10, "boot_delay": 5,
        "mac_address": format!("52:54:{high:02X}:{middle:02X}:{low:02X}:01"),
        "network_config": {
            "name": "eth0", "bridge": "vmbr0", "ip": ip, "gw": "10.0.0.1",
            "nameservers": "10.0.0.13",
        },
        "pct_options": ["nesting=1"],
        "firewall": {"enabled": true, "rules": rules.collect::<Vec<_>>()},
    })
}

fn has_drifted(number: u32) -> bool {
    number.is_multiple_of(DRIFTED)
}

fn put_guest(root: &Path, number: u32, state: State) -> io::Result<bool> {
    let (vmid, mut declared) = (vmid(number), guest(number));
    if state == State::Drifted && has_drifted(number) {
        declared["memory_mb"] = json!(2048);
        declared["firewall"]["rules"].as_array_mut().map(Vec::pop);
    }
    let conf = put(&root.join(render::conf_path(&vmid)), &render::conf(&vmid, &declared))?;
    let rules = put(&root.join(render::rules_path(&vmid)), &render::rules(&declared))?;
    Ok(conf || rules)
}

/// Writes a file that is not as it shall be, and returns whether it was not.
fn put(path: &Path, text: &str) -> io::Result<bool> {
    match fs::read(path) {
        Ok(present) if present == text.as_bytes() => Ok(false),
        _ => fs::write(path, text).map(|()| true),
    }
}
