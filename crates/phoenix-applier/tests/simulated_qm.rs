//! `qm` of the simulated node: what it takes, what it refuses, and what is in the files then.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::PathBuf;

use phoenix_applier::{Effect, Node, SimulatedNode};
use phoenix_planner::location::Place;
use phoenix_planner::probe::Output;
use tempfile::TempDir;

const CONF: &str = "boot: order=scsi0\ncores: 2\nide2: pool:vm-1001-cloudinit,media=cdrom\nmemory: 2048\nname: one\nnet0: virtio=52:54:00:00:10:01,bridge=vmbr0\nscsi0: pool:vm-1001-disk-0,size=10G\n";

const INTERFACES: &str =
    "auto vmbr0\niface vmbr0 inet static\n\taddress 10.0.0.13/24\n\tbridge-ports none\n";

struct Folder {
    folder: TempDir,
    node: SimulatedNode,
}

impl Folder {
    /// Lays out a node with the machine 1001 and the container 101.
    fn new(conf: &str, running: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("fs/etc/pve/qemu-server/1001.conf", conf);
        write("fs/etc/pve/lxc/101.conf", "hostname: ct\nmemory: 512\n");
        write("fs/etc/pve/firewall/1001.fw", "[OPTIONS]\n\nenable: 1\n");
        write("fs/var/lib/vz/template/iso/here.img", "");
        write("fs/etc/network/interfaces", INTERFACES);
        write("node.json", &format!("{{\"running\": [{running}]}}"));
        let node = SimulatedNode::open(folder.path()).unwrap();
        Self { folder, node }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("fs/etc/pve").join(path)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_default()
    }

    fn conf(&self, vmid: u32) -> String {
        self.read(&format!("qemu-server/{vmid}.conf"))
    }

    fn run(&mut self, line: &str) -> Output {
        let argv = line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        self.node.perform(Effect::Run { place: Place::Node, argv: &argv }).unwrap()
    }

    #[track_caller]
    fn takes(&mut self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.success(), "{line}: {}", output.stderr);
        output.stdout
    }

    #[track_caller]
    fn refuses(&mut self, line: &str, why: &str) {
        let before = (self.conf(1001), self.conf(1002));
        let output = self.run(line);
        assert!(!output.success() && output.stderr.contains(why), "{line}: {}", output.stderr);
        assert_eq!((self.conf(1001), self.conf(1002)), before, "{line} has changed something");
    }
}

#[test]
fn settings() {
    let mut node = Folder::new(CONF, "");
    node.takes("qm set 1001 --cores 4 --onboot --net0 e1000,bridge=vmbr0 --startup order=2,up=5");
    let conf = node.conf(1001);
    for line in ["cores: 4", "net0: e1000=BC:24:11", "onboot: 1", "startup: order=2,up=5"] {
        assert!(conf.contains(&format!("\n{line}")), "{line}: {conf}");
    }
    // A gateway beside `dhcp` is refused only when the machine starts.
    node.takes("qm set 1001 --ipconfig0 ip=dhcp,gw=10.0.0.1");
    node.refuses("qm start 1001", "`gw` cannot stand beside `ip=dhcp`");
    for (line, why) in [
        ("qm set 1001", "nothing to set"),
        ("qm set 1001 --cores", "needs a value"),
        ("qm set 1001 --cores 0", "does not take"),
        ("qm set 1001 --memory 15", "does not take"),
        ("qm set 1001 --net0 bridge=vmbr0", "`model` is missing"),
        ("qm set 1001 --ipconfig0 gw=10.0.0.1", "`gw` needs `ip`"),
        ("qm set 1001 --nameserver router", "does not take"),
        ("qm set 1001 --swap 5", "no option"),
        ("qm set 1001 --cores 4 --cores 5", "twice"),
        ("qm set 1001 more", "too many"),
        ("qm set 1002 --cores 4", "no configuration"),
        ("qm set x --cores 4", "not the number"),
        ("qm set 1001 --scsi0 pool:0,import-from=/var/lib/vz/template/iso/gone.img", "no file"),
    ] {
        node.refuses(line, why);
    }
    let stale = format!("qm set 1001 --cores 8 --digest {}", "0".repeat(40));
    node.refuses(&stale, "changed by somebody else");
}

#[test]
fn what_waits_for_the_next_start() {
    let mut node = Folder::new(CONF, "1001");
    node.takes("qm set 1001 --cores 4 --memory 4096 --onboot 1");
    let conf = node.conf(1001);
    assert!(conf.ends_with("\n\n[PENDING]\ncores: 4\nmemory: 4096\n"), "{conf}");
    assert!(conf.contains("cores: 2\n") && conf.contains("onboot: 1\n"), "{conf}");
    assert!(node.takes("qm config 1001").contains("cores: 4\n"));
    assert!(node.takes("qm config 1001 --current").contains("cores: 2\n"));
    // Back to what it has.
    node.takes("qm set 1001 --cores 2");
    assert!(node.conf(1001).ends_with("[PENDING]\nmemory: 4096\n"), "{}", node.conf(1001));
    node.takes("qm shutdown 1001");
    let conf = node.conf(1001);
    assert!(conf.contains("memory: 4096\n") && !conf.contains("PENDING"), "{conf}");
}

#[test]
fn disks_grow() {
    let mut node = Folder::new(CONF, "");
    node.takes("qm resize 1001 scsi0 10G");
    node.takes("qm disk resize 1001 scsi0 12G");
    assert!(node.conf(1001).contains("scsi0: pool:vm-1001-disk-0,size=12G\n"));
    node.refuses("qm resize 1001 scsi0 11G", "do not shrink");
    node.refuses("qm resize 1001 scsi1 20G", "no disk");
    node.refuses("qm resize 1001 scsi0 much", "no size");
}

#[test]
fn power() {
    let mut node = Folder::new(CONF, "");
    assert_eq!(node.takes("qm status 1001"), "status: stopped\n");
    node.refuses("qm stop 1001", "not running");
    node.takes("qm start 1001");
    assert_eq!(node.takes("qm status 1001"), "status: running\n");
    node.refuses("qm start 1001", "running already");
    let list = node.takes("qm list");
    let row = list.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(row, ["1001", "one", "running", "2048", "10.00", "1001"]);
    node.refuses("qm agent 1001 ping", "no `agent: 1`");
    node.takes("qm set 1001 --agent 1");
    node.refuses("qm guest cmd 1001 ping", "no `agent: 1`");
    node.takes("qm stop 1001");
    node.refuses("qm guest cmd 1001 ping", "not running");
    node.takes("qm start 1001");
    assert_eq!(node.takes("qm guest cmd 1001 ping"), "");
}

#[test]
fn a_bridge_that_is_not_there() {
    let mut node = Folder::new(&CONF.replace("vmbr0", "vmbr7"), "");
    node.refuses("qm start 1001", "no bridge `vmbr7`");
}

#[test]
fn snapshots_and_templates() {
    let mut node = Folder::new(CONF, "");
    node.takes("qm snapshot 1001 clean");
    node.refuses("qm snapshot 1001 clean", "already");
    node.refuses("qm snapshot 1001 1st", "cannot be the name");
    node.refuses("qm template 1001", "has snapshots");
    assert!(node.takes("qm listsnapshot 1001").contains("clean"));
    node.takes("qm set 1001 --cores 8");
    node.takes("qm clone 1001 1002 --name two --full 1 --snapname clean --storage fast");
    let clone = node.conf(1002);
    assert!(clone.contains("cores: 2\n") && clone.contains("name: two\n"), "{clone}");
    assert!(clone.contains("scsi0: fast:vm-1002-disk-0,size=10G\n"), "{clone}");
    assert!(clone.contains("net0: virtio=BC:24:11:") && !clone.contains("snap"), "{clone}");
    assert_eq!(node.read("firewall/1002.fw"), node.read("firewall/1001.fw"));
    node.refuses("qm clone 1001 1002 --full 1", "exists already");
    node.refuses("qm clone 1001 101 --full 1", "exists already");
    node.refuses("qm clone 1001 1003 --full 1 --snapname gone", "no such snapshot");
    node.takes("qm template 1002");
    assert!(node.conf(1002).contains("template: 1\n") && node.conf(1002).contains("base-1002-"));
    node.refuses("qm template 1002", "already");
    node.refuses("qm start 1002", "is a template");
    node.refuses("qm snapshot 1002 more", "no snapshots");
    node.takes("qm destroy 1002 --purge");
    assert!(!node.path("qemu-server/1002.conf").exists());
}

#[test]
fn a_machine_of_an_image() {
    let mut node = Folder::new(CONF, "");
    node.takes("qm create 1002 --cores 2 --memory 1024 --name two --net0 virtio,bridge=vmbr0 --ostype l26 --scsihw virtio-scsi-pci");
    node.takes("qm set 1002 --boot order=scsi0 --ide2 pool:cloudinit --scsi0 pool:0,import-from=/var/lib/vz/template/iso/here.img");
    let conf = node.conf(1002);
    assert!(conf.contains("ide2: pool:vm-1002-cloudinit,media=cdrom\n"), "{conf}");
    assert!(conf.contains("scsi0: pool:vm-1002-disk-0,size="), "{conf}");
    node.takes("qm start 1002");
    node.refuses("qm destroy 1002", "is running");
    node.refuses("qm create 1002 --cores 2", "exists already");
    node.refuses("qm create 101 --cores 2", "exists already");
}

#[test]
fn a_lock_keeps_everything_out() {
    let mut node = Folder::new(&format!("{CONF}lock: backup\n"), "");
    for line in [
        "set 1001 --cores 4",
        "resize 1001 scsi0 20G",
        "start 1001",
        "snapshot 1001 clean",
        "template 1001",
        "clone 1001 1002 --full 1",
        "destroy 1001",
    ] {
        node.refuses(&format!("qm {line}"), "locked by `backup`");
    }
}

#[test]
fn what_is_not_known_is_not_a_success() {
    let mut node = Folder::new(CONF, "");
    for line in ["qm frobnicate 1001", "qm", "qm set", "qm migrate 1001 other"] {
        assert_eq!(node.run(line).exit, 127, "{line}");
    }
}
