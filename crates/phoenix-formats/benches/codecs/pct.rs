//! The commands of pct(1) on a container's file.

use std::collections::BTreeMap;

use divan::{Bencher, black_box};
use phoenix_formats::pct::{
    Bridge, NodeView, State, apply_pending, config, pending_changes, resize, set,
};

use super::lxc_conf::raw_line;
use super::{measure, repeat};

/// Measures commands, not bytes: a container's file is small.
#[divan::bench]
fn set_small(bencher: Bencher) {
    let text = "#web server\narch: amd64\ncores: 2\nhostname: web\nmemory: 512\nnet0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=dhcp,type=veth\nostype: debian\nrootfs: local-lvm:vm-101-disk-0,size=8G\nswap: 512\nunprivileged: 1\n";
    let words = ["set", "101", "--memory", "1024", "--net1", "name=eth1,bridge=vmbr0,ip=dhcp"];
    let words = words.map(str::to_owned);
    let node = NodeView::with_bridges(BTreeMap::from([("vmbr0".to_owned(), Bridge::new(1500))]));
    bencher.counter(1u32).bench(|| set(black_box(text), &words, &node, State::Stopped));
}

/// Returns a long file that has a section of pending changes too.
fn pending() -> String {
    repeat(raw_line) + "\n[pve:pending]\ncores: 8\ndelete: swap\nmemory: 8192\n"
}

#[divan::bench]
fn set_large(bencher: Bencher) {
    let words = ["set", "101", "--memory", "1024", "--delete", "tags"].map(str::to_owned);
    measure(bencher, &repeat(raw_line), |text| {
        set(text, &words, &NodeView::default(), State::Stopped)
    });
}

#[divan::bench]
fn stop(bencher: Bencher) {
    measure(bencher, &pending(), |text| apply_pending(text, &NodeView::default()));
}

#[divan::bench]
fn show(bencher: Bencher) {
    measure(bencher, &pending(), |text| (config(text), pending_changes(text)));
}

#[divan::bench]
fn resize_disk(bencher: Bencher) {
    measure(bencher, &repeat(raw_line), |text| resize(text, "rootfs", "+4G").unwrap());
}
