//! Random operator files and random nodes that they are about.

use std::collections::BTreeMap;

use phoenix_planner::desired::Desired;
use serde_json::{Map, Value, json};

use crate::choices::Choices;
use crate::world::{World, declared};

/// What an operator wrote, and the node's files.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) hypervisor: Value,
    pub(crate) containers: Map<String, Value>,
    pub(crate) files: BTreeMap<String, String>,
}

impl Case {
    pub(crate) fn of(tape: Vec<u8>) -> Self {
        let mut choices = Choices::new(tape);
        let number = choices.of(&[1, 2, 3, 4]);
        let mut case = Self {
            hypervisor: hypervisor(&mut choices),
            containers: Map::new(),
            files: BTreeMap::new(),
        };
        let mut running = Vec::new();
        for guest in (1..=number).map(Guest) {
            case.containers.insert(guest.id(), guest.declared(&mut choices));
            if choices.of(&[true, true, true, false]) {
                case.guest_on_node(&guest, &mut choices);
            }
            running.extend(choices.of(&[true, true, false]).then(|| guest.id()));
        }
        case.node(&running, &mut choices);
        case
    }

    pub(crate) fn world(&self) -> World {
        World::new(self.files.iter().map(|(path, text)| (path.as_str(), text.as_str())))
    }

    pub(crate) fn desired(&self) -> Option<Desired> {
        declared(&self.hypervisor, &json!({"lxc_configs": self.containers}))
    }

    /// Returns the case with every public interface turned on or off.
    pub(crate) fn with_public(&self, enabled: bool) -> Self {
        let mut case = self.clone();
        for container in case.containers.values_mut() {
            if let Some(public) = container.get_mut("public_interface") {
                public["enabled"] = json!(enabled);
            }
        }
        case
    }

    fn guest_on_node(&mut self, guest: &Guest, choices: &mut Choices) {
        let id = guest.id();
        self.files.insert(format!("fs/etc/pve/lxc/{id}.conf"), guest.config(choices));
        if let Some(text) = firewall_file(choices) {
            self.files.insert(format!("fs/etc/pve/firewall/{id}.fw"), text);
        }
        if choices.of(&[false, true, true]) {
            let root = format!("guests/{id}/fs/etc/nginx");
            self.files.insert(format!("{root}/nginx.conf"), NGINX.to_owned());
            self.files.insert(format!("{root}/sites-available/gateway"), guest.site(choices));
            self.files.insert(format!("{root}/sites-available/other"), guest.site(choices));
        }
    }

    fn node(&mut self, running: &[String], choices: &mut Choices) {
        let internal = choices.of(&["10.0.0.11", "10.0.0.12"]);
        let types = choices.of(&[&["veth"] as &[&str], &["veth", "macvlan"]]);
        let node = json!({"name": "pve", "net_types": types, "running": running});
        self.files.insert("node.json".to_owned(), node.to_string());
        let nat = |choices: &mut Choices, head: &str| {
            let rules = choices.some(&NAT);
            let rules = rules.iter().map(|rule| format!("{rule}\n")).collect::<String>();
            let chains = ":PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n";
            format!("{head}*nat\n{chains}{rules}COMMIT\n").replace("@", internal)
        };
        self.files.insert("live/iptables.save".to_owned(), nat(choices, ""));
        if choices.of(&[false, true]) {
            let text = nat(choices, "# kept by hand\n");
            self.files.insert("fs/etc/iptables/rules.v4".to_owned(), text);
        }
        let hooks = choices.some(&HOOKS);
        let hooks = hooks.iter().map(|hook| hook.replace('@', internal)).collect::<String>();
        self.files
            .insert("fs/etc/network/interfaces".to_owned(), INTERFACES.replace("@\n", &hooks));
        if let Some(text) = cluster_file(choices) {
            self.files.insert("fs/etc/pve/firewall/cluster.fw".to_owned(), text);
        }
        if choices.of(&[false, true]) {
            let path = "fs/etc/pve/lxc/900.conf".to_owned();
            self.files.insert(path, "arch: amd64\nhostname: foreign\nmemory: 64\nostype: debian\nrootfs: local:900/vm-900-disk-0.raw,size=1G\n".to_owned());
        }
    }
}

const NAT: [&str; 7] = [
    "-A PREROUTING -d 192.168.1.13/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination @:80",
    "-A PREROUTING -d 192.168.1.13/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination @:443",
    "-A PREROUTING -p tcp -m tcp --dport 8443 -j DNAT --to-destination @:443",
    "-A PREROUTING -d 192.168.1.13/32 -p tcp -m tcp --dport 2222 -j DNAT --to-destination 10.0.0.99:22",
    "-A POSTROUTING -s 10.0.0.0/24 ! -d 10.0.0.0/24 -o vmbr0 -j MASQUERADE",
    "-A POSTROUTING -s 10.0.0.0/24 -d @/32 -p tcp -m tcp --dport 443 -j MASQUERADE",
    "-A POSTROUTING -d 10.0.0.98/32 -p tcp -m tcp --dport 443 -m comment --comment \"not @\" -j MASQUERADE",
];

const HOOKS: [&str; 3] = [
    "\tpost-up iptables -t nat -A PREROUTING -d 192.168.1.13/32 -p tcp --dport 443 -j DNAT --to-destination @:443\n\tpost-down iptables -t nat -D PREROUTING -d 192.168.1.13/32 -p tcp --dport 443 -j DNAT --to-destination @:443\n",
    "\tpost-up /usr/local/sbin/rules @\n",
    "\t# a word about it\n\tpost-up iptables -t nat -A POSTROUTING -s 10.0.0.0/24 -o vmbr0 -j MASQUERADE\n",
];

const INTERFACES: &str = "auto lo\niface lo inet loopback\n\niface enp6s0 inet manual\n\nauto vmbr0\niface vmbr0 inet static\n\taddress 10.0.0.13/24\n\tgateway 10.0.0.1\n\tbridge-ports enp6s0\n@\n\niface vmbr0 inet static\n\taddress 192.168.1.13/24\n\nauto vmbr1\niface vmbr1 inet manual\n\tbridge-ports none\n";

const NGINX: &str = "events {}\nhttp {\n    include sites-available/*;\n}\n";

fn hypervisor(choices: &mut Choices) -> Value {
    let rules = json!([
        {"type": "in", "action": "ACCEPT", "source": "10.0.0.0/24", "proto": "tcp", "port": "22,8006"},
        {"type": "in", "action": "ACCEPT", "macro": "Ping", "comment": "it lives"},
    ]);
    let firewall = choices.of(&[
        None,
        Some(json!({"enabled": true})),
        Some(json!({"enabled": true, "default_input_policy": "DROP", "global_firewall_rules": rules})),
        Some(json!({"enabled": false, "global_firewall_rules": []})),
        Some(json!({"default_output_policy": "ACCEPT"})),
    ]);
    let attachment = choices.of(&["auto", "auto", "lxc"]);
    let mut value = json!({"network": {
        "interfaces": {"name": "vmbr0", "address": "10.0.0.13/24", "gateway": "10.0.0.1"},
        "public_bridge": "vmbr0", "macvlan_attachment": attachment,
    }});
    if let Some(firewall) = firewall {
        value["firewall"] = firewall;
    }
    value
}

/// What a container's configuration may say, by key; `@` is the container's place.
const SETTINGS: [&[&str]; 11] = [
    &["memory: 512", "memory: 2048", "memory: 128"],
    &["", "swap: 0", "swap: 512"],
    &["", "cores: 1", "cores: 2", "cores: 4"],
    &["", "onboot: 1", "onboot: 0", "onboot: yes"],
    &["", "startup: 3", "startup: order=1,up=5,down=9", "startup: up=5"],
    &["", "hostname: guest-@", "hostname: Other"],
    &[
        "",
        "nameserver: 10.0.0.13",
        "nameserver: 10.0.0.13 8.8.8.8",
        "nameserver: 10.0.0.13,8.8.8.8",
    ],
    &["", "features: nesting=1", "features: keyctl=1,nesting=0,fuse=1", "features: nesting=on"],
    &["", "tags: a;b"],
    &["", "mp0: local:vm-disk-1,mp=/srv,size=1G"],
    &["", "protection: 1"],
];

const RAW: [&str; 3] = [
    "lxc.apparmor.profile: generated\n",
    "lxc.mount.entry: /a a none bind 0 0\n",
    "lxc.cap.drop: sys_time\n",
];

/// How a configuration may end: phoenix's mark, what waits, a snapshot.
const TAILS: [&[&str]; 3] = [
    &["", "lxc.environment: PHOENIX_PUBLIC_INTERFACE=eth1\n"],
    &[
        "",
        "\n[pve:pending]\nnameserver: 9.9.9.9\n",
        "\n[pve:pending]\nfeatures: nesting=1\ntimezone: host\n",
        "\n[pve:pending]\ndelete: nameserver\n",
        "\n[pve:pending]\ndelete: nameserver\nnameserver: 1.1.1.1\n",
    ],
    &[
        "",
        "\n[before]\narch: amd64\nmemory: 64\nnet1: name=eth1,bridge=vmbr0,type=veth\nrootfs: local:x,size=8G\nsnaptime: 1760000000\nlxc.net.1.type: macvlan\n",
    ],
];

/// A container by its place among the others.
struct Guest(u32);

impl Guest {
    fn id(&self) -> String {
        (100 + self.0).to_string()
    }

    fn ip(&self) -> String {
        format!("10.0.0.{}", 10 + self.0)
    }

    fn mac(&self) -> String {
        format!("52:54:00:AA:00:{:02X}", self.0)
    }

    fn public_mac(&self) -> String {
        format!("02:00:00:AB:01:{:02X}", self.0)
    }

    fn public_ip(&self, choices: &mut Choices) -> (String, String) {
        let net = choices.of(&["192.168.1", "10.0.0"]);
        (format!("{net}.{}/24", 150 + self.0), format!("{net}.1"))
    }

    fn declared(&self, choices: &mut Choices) -> Value {
        let mut all = Map::new();
        let fields = self.fields().into_iter().chain(self.networks());
        for (key, options) in fields {
            // Nothing is declared as often as each of the options.
            let number = options.as_array().map_or(0, Vec::len);
            let places = (0..=number).map(|at| at.checked_sub(1)).collect::<Vec<_>>();
            if let Some(at) = choices.of(&places) {
                all.insert(key.to_owned(), options[at].clone());
            }
        }
        if let Some(public) = self.public(choices) {
            all.insert("public_interface".to_owned(), public);
        }
        Value::Object(all)
    }

    /// Returns what may be declared, by field.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("name", json!([format!("guest-{}", self.0)])),
            ("memory_mb", json!([512, 2048])),
            ("swap_mb", json!([512, 0])),
            ("cores", json!([1, 4])),
            ("start_at_boot", json!([true, false])),
            ("boot_order", json!([1, 3])),
            ("boot_delay", json!([5])),
            ("apparmor_manages_nesting", json!([true, false])),
            ("pct_options", json!([["keyctl=1"], ["fuse=0", "keyctl=0"]])),
            (
                "lxc_options",
                json!([
                    ["lxc.apparmor.profile=unconfined"],
                    ["lxc.mount.entry: /srv srv none bind 0 0", "lxc.cap.drop = sys_time"],
                    ["lxc.cgroup2.devices.allow=c 195:* rwm"],
                ]),
            ),
        ]
    }

    fn networks(&self) -> Vec<(&'static str, Value)> {
        let (mac, ip) = (self.mac(), format!("{}/24", self.ip()));
        let rules = json!([
            {"type": "in", "action": "ACCEPT", "proto": "tcp", "port": "8443", "iface": "eth1"},
            {"type": "in", "action": "DROP", "source": "10.0.0.77", "comment": "not him"},
            {"type": "out", "action": "ACCEPT", "enabled": false},
        ]);
        let firewalls = json!([
            {"enabled": true, "rules": rules},
            {"enabled": false},
            {"enabled": true},
            {"rules": [], "policy_in": "DROP"},
        ]);
        let networks = json!([
            {"bridge": "vmbr0", "ip": ip, "gw": "10.0.0.1", "nameservers": "10.0.0.13 8.8.8.8"},
            {"ip": "dhcp"},
            {"bridge": "vmbr1", "ip": "manual", "nameservers": ""},
            {"name": "lan0", "nameservers": "10.0.0.13"},
            {"bridge": "vmbr0", "ip": ip},
        ]);
        let macs = json!([mac, mac.to_lowercase()]);
        vec![("mac_address", macs), ("firewall", firewalls), ("network_config", networks)]
    }

    fn public(&self, choices: &mut Choices) -> Option<Value> {
        let kind = choices.of(&["none", "macvlan", "macvlan", "veth", "ipvlan", "private"]);
        let enabled = choices.of(&[true, true, true, false]);
        let (ip, gw) = self.public_ip(choices);
        let mut value = json!({"enabled": enabled, "ip": ip});
        if choices.of(&[true, false]) {
            value["gw"] = json!(gw);
        }
        if kind == "private" {
            value["mode"] = json!("private");
        } else {
            value["type"] = json!(kind);
        }
        if kind != "ipvlan" && choices.of(&[true, true, false]) {
            value["mac_address"] = json!(self.public_mac());
        }
        if choices.of(&[false, true]) {
            let site = |name: &str| format!("/etc/nginx/sites-available/{name}");
            value["nginx_sites"] = json!([site("gateway"), site("other")]);
        }
        (kind != "none").then_some(value)
    }

    fn config(&self, choices: &mut Choices) -> String {
        let id = self.id();
        let head = choices.of(&["", "#a note, 100%25 by hand\n#second line\n"]);
        let mut settings = vec![format!("rootfs: local:{id}/vm-{id}-disk-0.raw,size=8G")];
        settings.extend(["arch: amd64", "ostype: debian"].map(str::to_owned));
        settings
            .extend(SETTINGS.map(|options| choices.of(options).replace('@', &self.0.to_string())));
        settings.push(choices.of(&self.net0()));
        settings.push(choices.of(&self.net1()));
        settings.retain(|line| !line.is_empty());
        settings.sort();
        let settings = settings.iter().map(|line| format!("{line}\n")).collect::<String>();
        let raw = choices.some(&RAW).concat() + &self.raw_net1(choices);
        let tail = TAILS.map(|options| choices.of(options)).concat();
        [head, &settings, &raw, &tail].concat()
    }

    fn net0(&self) -> Vec<String> {
        let (ip, mac) = (self.ip(), self.mac());
        vec![
            format!("net0: name=eth0,bridge=vmbr0,gw=10.0.0.1,hwaddr={mac},ip={ip}/24,type=veth"),
            format!(
                "net0: name=eth0,bridge=vmbr0,hwaddr={},ip={ip}/24,rate=100,type=veth",
                mac.to_lowercase()
            ),
            format!(
                "net0: name=eth0,bridge=vmbr0,firewall=1,hwaddr={mac},ip=dhcp,ip6=auto,type=veth"
            ),
            format!(
                "net0: name=lan0,bridge=vmbr1,firewall=0,hwaddr=52:54:00:BB:00:0{},ip=10.0.0.{}/24,mtu=1400,type=veth",
                self.0,
                200 + self.0
            ),
            String::new(),
        ]
    }

    fn net1(&self) -> Vec<String> {
        let mac = self.public_mac();
        let ip = 150 + self.0;
        vec![
            String::new(),
            String::new(),
            format!("net1: name=eth1,bridge=vmbr0,hwaddr={mac},ip=192.168.1.{ip}/24,type=veth"),
            format!(
                "net1: name=eth1,bridge=vmbr0,firewall=1,hwaddr={},ip=192.168.1.{ip}/32,rate=10,type=veth",
                mac.to_lowercase()
            ),
            format!(
                "net1: name=eth1,bridge=vmbr0,hwaddr=BC:24:11:00:00:0{},ip=manual,ip6=auto,type=veth",
                self.0
            ),
        ]
    }

    fn raw_net1(&self, choices: &mut Choices) -> String {
        let mac = self.public_mac();
        let ip = 150 + self.0;
        let head = "lxc.net.1.type: macvlan\nlxc.net.1.link: vmbr0\nlxc.net.1.macvlan.mode: bridge\nlxc.net.1.flags: up\nlxc.net.1.name: eth1\n";
        choices.of(&[
            String::new(),
            String::new(),
            String::new(),
            format!("{head}lxc.net.1.hwaddr: {mac}\nlxc.net.1.ipv4.address: 192.168.1.{ip}/24\n"),
            format!("{head}lxc.net.1.hwaddr: {}\nlxc.net.1.mtu: 1400\nlxc.net.1.ipv4.address: 10.0.0.{ip}/32\n", mac.to_lowercase()),
            "lxc.net.1.type: veth\nlxc.net.1.link: vmbr0\nlxc.net.1.name: eth1\nlxc.net.1.veth.pair: v1\n".to_owned(),
        ])
    }

    fn site(&self, choices: &mut Choices) -> String {
        let listen = choices.some(&[
            format!("listen {}:80;", self.ip()),
            format!("listen {}:443 ssl;", self.ip()),
            "listen 443 ssl; # all".to_owned(),
            "listen 127.0.0.1:8080;".to_owned(),
            "listen [::]:443 ssl;".to_owned(),
        ]);
        let servers =
            listen.iter().map(|listen| format!("server {{\n    {listen}\n    # {}\n}}\n", self.0));
        servers.collect()
    }
}

fn firewall_file(choices: &mut Choices) -> Option<String> {
    choices.of(&[
        None,
        Some("[OPTIONS]\nenable: 1\nndp: 1\n\n[ALIASES]\n\nnas 10.0.0.20 # the nas\n\n[RULES]\n\n# why\nIN ACCEPT -i net0 -p tcp -dport 22\n|OUT DROP -dest 10.9.9.9\n".to_owned()),
        Some("[OPTIONS]\n\npolicy_in: ACCEPT\n\n[IPSET good]\n\n10.0.0.0/24\n\n[RULES]\n\nIN ACCEPT -i net1 -p tcp -dport 80 # eth1 (public)\nGROUP web -i net0\n".to_owned()),
        Some(String::new()),
    ])
}

fn cluster_file(choices: &mut Choices) -> Option<String> {
    choices.of(&[
        None,
        Some("[OPTIONS]\n\nenable: 1\n\n[ALIASES]\n\nlan 10.0.0.0/24\n\n[RULES]\n\n# mine\nIN ACCEPT -source lan -p tcp -dport 22\n\n[group web]\n\nIN ACCEPT -p tcp -dport 80,443\n".to_owned()),
        Some("[OPTIONS]\nenable: 0\n\n[group web]\n\n# empty\n".to_owned()),
    ])
}
