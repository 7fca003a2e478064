//! The `netN` and `ipconfigN` values of machines, one a line, and their configuration files.

use divan::Bencher;
use phoenix_formats::lxc_conf::Edit;
use phoenix_formats::qm::{IpConfig, VmConf, VmNet};

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

fn snapshot(number: usize) -> String {
    format!(
        "[snap-{number}]\nagent: 1\nboot: order=scsi0\ncores: 4\nmemory: 8192\nname: portainer\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1\nscsi0: local-lvm:vm-1001-disk-0,size=32G\nsnaptime: 1700000000\n\n"
    )
}

#[divan::bench]
fn parse_conf(bencher: Bencher) {
    measure(bencher, &repeat(snapshot), VmConf::parse);
}

#[divan::bench]
fn edit_conf(bencher: Bencher) {
    let conf = VmConf::parse(&format!("cores: 4\n{}", repeat(snapshot)));
    measure(bencher, conf.text(), |_| {
        conf.edit(&[Edit::Set { key: "cores".to_owned(), value: "8".to_owned() }]).unwrap()
    });
}
