//! A container's file.

use std::fmt::Write as _;

use divan::Bencher;
use phoenix_formats::lxc_conf::{Edit, LxcConf};

use super::net::net_line;
use super::{measure, repeat};

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
pub(crate) fn raw_line(number: usize) -> String {
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

#[divan::bench]
fn edit_removes(bencher: Bencher) {
    let conf = LxcConf::parse(&repeat(raw_line));
    let own = |text: &str| text.to_owned();
    let edits = [
        Edit::Remove { key: own("net1") },
        Edit::RemoveRaw {
            key: own("lxc.mount.entry"),
            value: own("/srv/data/9 srv/data/9 none bind,create=dir 0 0"),
        },
        Edit::RawUnder {
            prefix: own("lxc.net.1."),
            pairs: vec![(own("lxc.net.1.type"), own("macvlan"))],
        },
    ];
    measure(bencher, conf.text(), |_| conf.edit(&edits).unwrap());
}
