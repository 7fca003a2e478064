//! The `netN` and `ipconfigN` values of machines, one a line, and their configuration files.

use divan::Bencher;
use phoenix_formats::qm::{IpConfig, VmNet};

use super::{measure, repeat};

fn net_line(number: usize) -> String {
    format!(
        "virtio=BC:24:11:00:{:02X}:{:02X},bridge=vmbr0,firewall=1,mtu=1500,queues=4,rate=12.5,tag={},trunks=1-5;7\n",
        number / 256 % 256,
        number % 256,
        number % 4000 + 1
    )
}

fn ipconfig_line(number: usize) -> String {
    let (high, low) = (number / 250 % 250, number % 250 + 1);
    format!(
        "ip=10.{high}.0.{low}/24,gw=10.{high}.0.254,ip6=fd00:{high}::{low}/64,gw6=fd00:{high}::1\n"
    )
}

#[divan::bench]
fn parse_net(bencher: Bencher) {
    measure(bencher, &repeat(net_line), |text| {
        text.lines().filter(|line| VmNet::parse(line).is_ok()).count()
    });
}

#[divan::bench]
fn canonical_net(bencher: Bencher) {
    measure(bencher, &repeat(net_line), |text| {
        text.lines().map(|line| VmNet::parse(line).unwrap().canonical().len()).sum::<usize>()
    });
}

#[divan::bench]
fn parse_ipconfig(bencher: Bencher) {
    measure(bencher, &repeat(ipconfig_line), |text| {
        text.lines().filter(|line| IpConfig::parse(line).is_ok()).count()
    });
}
