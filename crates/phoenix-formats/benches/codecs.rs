//! How fast each codec is on a mebibyte of what real nodes have: `cargo bench -p phoenix-formats`.
//!
//! The aim is 50 MB/s for each of them. Nothing here fails when one is slower: machines differ.

#![expect(clippy::unwrap_used, reason = "a wrong input of a benchmark must stop it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use phoenix_formats::firewall::{Action, FwEdit, FwFile, Level, Rule, RuleKind, Verdict};
use phoenix_formats::interfaces::Interfaces;
use phoenix_formats::iproute::{links_json, links_of, read_links};
use phoenix_formats::iptables::{
    PortRange, PortSet, Protocol, SavedRules, apply_delete, delete_argv, obsolete,
};
use phoenix_formats::lxc_conf::{Edit, LxcConf};
use phoenix_formats::net::{LxcNet, NetText};
use phoenix_formats::nginx::{NginxConf, listen_on_all_interfaces};
use phoenix_formats::pct::{Bridge, NodeView, State, set};
use phoenix_formats::property::PropertyText;

fn main() {
    divan::main();
}

const MEBIBYTE: usize = 1 << 20;

/// Returns about a mebibyte of numbered pieces.
fn repeat(piece: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(MEBIBYTE + 4096);
    for number in 0.. {
        if text.len() >= MEBIBYTE {
            break;
        }
        text.push_str(&piece(number));
    }
    text
}

fn measure<T>(bencher: Bencher, text: &str, work: impl Fn(&str) -> T + Sync) {
    bencher.counter(BytesCount::of_str(text)).bench(|| work(black_box(text)));
}

fn net_line(number: usize) -> String {
    let (high, low) = (number / 250 % 250, number % 250 + 1);
    format!(
        "name=eth{},bridge=vmbr0,firewall=1,gw=10.{high}.0.254,hwaddr=BC:24:11:00:{:02X}:{:02X},ip=10.{high}.0.{low}/24,ip6=auto,mtu=1500,tag={},type=veth\n",
        number % 10,
        number / 256 % 256,
        number % 256,
        number % 4000 + 1
    )
}

mod net {
    use super::*;

    #[divan::bench]
    fn parse(bencher: Bencher) {
        measure(bencher, &repeat(net_line), |text| {
            text.lines().filter(|line| LxcNet::parse(line).is_ok()).count()
        });
    }

    #[divan::bench]
    fn canonical(bencher: Bencher) {
        measure(bencher, &repeat(net_line), |text| {
            text.lines().map(|line| LxcNet::parse(line).unwrap().canonical().len()).sum::<usize>()
        });
    }

    #[divan::bench]
    fn text(bencher: Bencher) {
        measure(bencher, &repeat(net_line), |text| {
            text.lines().filter(|line| NetText::parse(line).get("bridge").is_some()).count()
        });
    }
}

#[divan::bench]
fn property_text(bencher: Bencher) {
    let line = |number| {
        format!(
            "local-lvm:vm-{number}-disk-0,mp=/srv/data,size=8G,backup=1,mountoptions=noatime;nodev,replicate=0\n"
        )
    };
    measure(bencher, &repeat(line), |text| {
        text.lines().filter(|line| PropertyText::parse(line).get("size").is_some()).count()
    });
}

mod lxc_conf {
    use super::*;

    /// Returns one section of a container's file: as it is now, or a snapshot of it.
    fn section(number: usize) -> String {
        let mut text = String::new();
        if number > 0 {
            write!(text, "\n[before{number}]\n").unwrap();
        }
        text.push_str("#The shop's front end.\n#Ask %C3%84nne before a restart%3A 555-0100\narch: amd64\ncores: 4\nfeatures: nesting=1,keyctl=1\nhostname: shop.example.net\nmemory: 4096\nmp0: local-lvm:vm-101-disk-1,mp=/srv/data,backup=1,size=64G\n");
        for net in 0..3 {
            write!(text, "net{net}: {}", net_line(number + net)).unwrap();
        }
        text.push_str("onboot: 1\nostype: debian\nrootfs: local-lvm:vm-101-disk-0,size=16G\nsearchdomain: example.net\nstartup: order=3,up=30\nswap: 512\ntags: shop;web\nunprivileged: 1\nlxc.apparmor.profile: unconfined\nlxc.cgroup2.devices.allow: c 10:200 rwm\nlxc.mount.entry: /dev/net/tun dev/net/tun none bind,create=file\n");
        text
    }

    /// Returns a file that is long because a main section has many raw lines.
    fn raw_line(number: usize) -> String {
        match number {
            0 => section(0),
            _ => format!(
                "lxc.mount.entry: /srv/data/{number} srv/data/{number} none bind,create=dir 0 0\n"
            ),
        }
    }

    #[divan::bench]
    fn parse(bencher: Bencher) {
        measure(bencher, &repeat(section), LxcConf::parse);
    }

    #[divan::bench]
    fn rewritten(bencher: Bencher) {
        let conf = LxcConf::parse(&repeat(section));
        measure(bencher, conf.text(), |_| conf.rewritten());
    }

    #[divan::bench]
    fn lost(bencher: Bencher) {
        let conf = LxcConf::parse(&repeat(section));
        measure(bencher, conf.text(), |_| conf.lost());
    }

    #[divan::bench]
    fn digest(bencher: Bencher) {
        let conf = LxcConf::parse(&repeat(section));
        measure(bencher, conf.text(), |_| conf.digest());
    }

    #[divan::bench]
    fn edit(bencher: Bencher) {
        let conf = LxcConf::parse(&repeat(raw_line));
        let own = |text: &str| text.to_owned();
        let edits = [
            Edit::Set { key: own("memory"), value: own("8192") },
            Edit::AddRaw { key: own("lxc.mount.auto"), value: own("cgroup:rw") },
        ];
        measure(bencher, conf.text(), |_| conf.edit(&edits).unwrap());
    }
}

mod firewall {
    use super::*;

    fn rule_line(number: usize) -> String {
        let (high, low) = (number / 250 % 250, number % 250 + 1);
        match number % 5 {
            0 => format!(
                "IN SSH(ACCEPT) -source 10.{high}.{low}.0/24 -log nolog # office {number}\n"
            ),
            1 => format!("IN ACCEPT -source 192.168.{low}.7 -p tcp -dport 80,443 -log nolog\n"),
            2 => format!(
                "|OUT DROP -dest 10.{high}.{low}.9 -p udp -dport {}\n",
                1000 + number % 60000
            ),
            3 => format!(
                "IN ACCEPT -i net0 -source 2001:db8:{high}::{low} -p tcp -dport 8000:8100\n"
            ),
            _ => format!("IN HTTPS(ACCEPT) -i net1 # shop {number}\n"),
        }
    }

    fn guest() -> String {
        let head = "[OPTIONS]\n\nenable: 1\npolicy_in: DROP\n\n[RULES]\n\n";
        head.to_owned() + &repeat(rule_line)
    }

    /// Returns a cluster's file of all kinds of sections.
    fn cluster() -> String {
        let mut text = "[OPTIONS]\n\nenable: 1\npolicy_in: DROP\n\n[ALIASES]\n\n".to_owned();
        for number in 0..2000 {
            writeln!(
                text,
                "host-{number} 10.9.{}.{} # rack {}",
                number / 250,
                number % 250 + 1,
                number % 40
            )
            .unwrap();
        }
        for set in 0..50 {
            write!(text, "\n[IPSET blocked-{set}] # reported\n\n").unwrap();
            for number in 0..200 {
                writeln!(text, "172.{}.{}.{number}", set % 16 + 16, set).unwrap();
            }
        }
        let place = |number: usize| {
            number.is_multiple_of(50).then(|| format!("\n[group web-{number}]\n\n"))
        };
        let group = |number| match number % 2 {
            0 => format!(
                "{}IN ACCEPT -source +blocked-{} -p tcp -dport {}\n",
                place(number).unwrap_or_default(),
                number % 50,
                number % 60000 + 1
            ),
            _ => format!(
                "IN HTTP(ACCEPT) -source host-{} -log nolog # shop {number}\n",
                number % 2000
            ),
        };
        text + &repeat(group)
    }

    #[divan::bench]
    fn parse_guest(bencher: Bencher) {
        measure(bencher, &guest(), |text| FwFile::parse(Level::Guest, text, None));
    }

    #[divan::bench]
    fn parse_cluster(bencher: Bencher) {
        measure(bencher, &cluster(), |text| FwFile::parse(Level::Cluster, text, None));
    }

    #[divan::bench]
    fn saved(bencher: Bencher) {
        let file = FwFile::parse(Level::Cluster, &cluster(), None);
        measure(bencher, file.text(), |_| file.saved().unwrap());
    }

    #[divan::bench]
    fn set_rules_one_changed(bencher: Bencher) {
        let file = FwFile::parse(Level::Guest, &guest(), None);
        let mut rules: Vec<Rule> = file.rules().iter().map(|parsed| parsed.rule.clone()).collect();
        let middle = rules.len() / 2;
        rules[middle] = Rule::new(RuleKind::In, Action::Plain(Verdict::Reject));
        let edits = [FwEdit::SetRules(rules)];
        measure(bencher, file.text(), |_| file.edit(&edits).unwrap());
    }
}

mod nginx {
    use super::*;

    fn server(number: usize) -> String {
        format!(
            "server {{\n    listen 10.0.0.7:443 ssl;\n    listen 10.0.0.7:80;\n    server_name shop{number}.example.net www.shop{number}.example.net;\n    ssl_certificate /etc/letsencrypt/live/shop{number}.example.net/fullchain.pem;\n    # the shop itself\n    location / {{\n        proxy_set_header Host $host;\n        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n        add_header Strict-Transport-Security \"max-age=63072000; includeSubDomains\";\n        proxy_pass http://10.1.{}.{}:8080;\n    }}\n    location ~* \\.(png|jpg|css|js)$ {{\n        expires 30d;\n    }}\n}}\n\n",
            number / 250,
            number % 250 + 1
        )
    }

    #[divan::bench]
    fn parse(bencher: Bencher) {
        measure(bencher, &repeat(server), NginxConf::parse);
    }

    #[divan::bench]
    fn listens(bencher: Bencher) {
        let conf = NginxConf::parse(&repeat(server));
        measure(bencher, conf.text(), |_| conf.listens());
    }

    #[divan::bench]
    fn rewrite(bencher: Bencher) {
        measure(bencher, &repeat(server), listen_on_all_interfaces);
    }
}

mod iptables {
    use super::*;

    fn saved() -> String {
        let rule = |number: usize| {
            let (high, low, port) = (number / 250 % 250, number % 250 + 1, number % 60000 + 1);
            match number % 3 {
                0 => format!(
                    "-A PREROUTING -i vmbr0 -p tcp -m tcp --dport {port} -j DNAT --to-destination 10.0.{high}.{low}:{port}\n"
                ),
                1 => {
                    format!("[12:3456] -A POSTROUTING -s 10.0.{high}.0/24 -o vmbr0 -j MASQUERADE\n")
                }
                _ => format!(
                    "-A PREROUTING -d 203.0.113.7/32 -p tcp -m multiport --dports 80,443 -m comment --comment \"shop {number}\" -j DNAT --to-destination 10.0.{high}.{low}\n"
                ),
            }
        };
        let head = "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n";
        head.to_owned() + &repeat(rule) + "COMMIT\n"
    }

    #[divan::bench]
    fn parse(bencher: Bencher) {
        measure(bencher, &saved(), SavedRules::parse);
    }

    #[divan::bench]
    fn remove(bencher: Bencher) {
        let saved = SavedRules::parse(&saved());
        let gone: Vec<_> = saved.rules().iter().step_by(7).map(|rule| rule.reference()).collect();
        measure(bencher, saved.text(), |_| saved.remove(&gone));
    }

    #[divan::bench]
    fn delete_last(bencher: Bencher) {
        let text = saved();
        let argv = delete_argv(SavedRules::parse(&text).rules().last().unwrap());
        measure(bencher, &text, |text| apply_delete(text, &argv).unwrap());
    }

    #[divan::bench]
    fn obsolete_rules(bencher: Bencher) {
        let saved = SavedRules::parse(&saved());
        let internal = "10.0.3.7".parse().unwrap();
        let every = PortRange::new(1, u16::MAX).unwrap();
        let accepted = PortSet::from_iter([(Protocol::Tcp, every)]);
        measure(bencher, saved.text(), |_| {
            obsolete(saved.rules(), internal, &["203.0.113.7".parse().unwrap()], &accepted)
        });
    }
}

mod interfaces {
    use super::*;

    fn bridge(number: usize) -> String {
        let (high, low) = (number / 250, number % 250);
        format!(
            "auto vmbr{number}\niface vmbr{number} inet static\n\taddress 10.{high}.{low}.1/24\n\tgateway 10.{high}.{low}.254\n\tbridge-ports eno{number}\n\tbridge-stp off\n\tbridge-fd 0\n\tdns-nameservers 192.168.1.1 9.9.9.9\n# the inside\n\tpost-up   iptables -t nat -A POSTROUTING -s '10.{high}.{low}.0/24' -o vmbr0 -j MASQUERADE\n\tpost-down iptables -t nat -D POSTROUTING -s '10.{high}.{low}.0/24' \\\n\t\t-o vmbr0 -j MASQUERADE\n\n"
        )
    }

    #[divan::bench]
    fn parse(bencher: Bencher) {
        measure(bencher, &repeat(bridge), Interfaces::parse);
    }

    #[divan::bench]
    fn network(bencher: Bencher) {
        let file = Interfaces::parse(&repeat(bridge));
        measure(bencher, file.text(), |_| file.network());
    }

    #[divan::bench]
    fn commands(bencher: Bencher) {
        let file = Interfaces::parse(&repeat(bridge));
        measure(bencher, file.text(), |_| file.iptables());
    }

    #[divan::bench]
    fn remove_lines(bencher: Bencher) {
        let file = Interfaces::parse(&repeat(bridge));
        let gone: BTreeSet<usize> = file.commands().iter().map(|command| command.line).collect();
        measure(bencher, file.text(), |_| file.remove_lines(&gone));
    }

    #[divan::bench]
    fn set_option(bencher: Bencher) {
        let file = Interfaces::parse(&repeat(bridge));
        let line = file.stanzas().last().unwrap().line;
        measure(bencher, file.text(), |_| file.set_option(line, "mtu", "9000").unwrap());
    }

    /// Returns what ip(8) says about as many bridges.
    fn links() -> String {
        let text = (0..2000).map(bridge).collect::<String>();
        links_json(&links_of(&Interfaces::parse(&text).network()))
    }

    #[divan::bench]
    fn iproute_read(bencher: Bencher) {
        measure(bencher, &links(), |text| read_links(text).unwrap());
    }

    #[divan::bench]
    fn iproute_write(bencher: Bencher) {
        let text = links();
        let links = read_links(&text).unwrap();
        measure(bencher, &text, |_| links_json(&links));
    }
}

/// Measures commands, not bytes: a guest's file is small.
#[divan::bench]
fn pct_set(bencher: Bencher) {
    let text = "#web server\narch: amd64\ncores: 2\nhostname: web\nmemory: 512\nnet0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=dhcp,type=veth\nostype: debian\nrootfs: local-lvm:vm-101-disk-0,size=8G\nswap: 512\nunprivileged: 1\n";
    let words = ["set", "101", "--memory", "1024", "--net1", "name=eth1,bridge=vmbr0,ip=dhcp"];
    let words = words.map(str::to_owned);
    let node = NodeView::with_bridges(BTreeMap::from([("vmbr0".to_owned(), Bridge::new(1500))]));
    bencher.counter(1u32).bench(|| set(black_box(text), &words, &node, State::Stopped));
}
