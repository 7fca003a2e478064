//! How fast each codec is on a mebibyte of what real nodes have: `cargo bench -p phoenix-formats`.
//!
//! The aim is 50 MB/s for each of them. Nothing here fails when one is slower: machines differ.

#![expect(clippy::unwrap_used, reason = "a wrong input of a benchmark must stop it")]

mod certificate;
mod dnsmasq;
mod firewall;
mod fstab;
mod hosts;
mod interfaces;
mod iptables;
mod lxc_conf;
mod net;
mod nginx;
mod pct;
mod property;
mod qm;
mod resolv_conf;
mod storage_cfg;
mod subid;
mod yaml;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};

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
