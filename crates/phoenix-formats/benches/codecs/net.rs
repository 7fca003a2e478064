//! The `netN` values of a container, one a line.

use divan::Bencher;
use phoenix_formats::net::{LxcNet, NetText};

use super::{measure, repeat};

pub(crate) fn net_line(number: usize) -> String {
    let (high, low) = (number / 250 % 250, number % 250 + 1);
    format!(
        "name=eth{},bridge=vmbr0,firewall=1,gw=10.{high}.0.254,hwaddr=BC:24:11:00:{:02X}:{:02X},ip=10.{high}.0.{low}/24,ip6=auto,mtu=1500,tag={},type=veth\n",
        number % 10,
        number / 256 % 256,
        number % 256,
        number % 4000 + 1
    )
}

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

#[divan::bench]
fn text_with(bencher: Bencher) {
    measure(bencher, &repeat(net_line), |text| {
        text.lines()
            .filter(|line| NetText::parse(line).with("mtu", "1400").get("mtu").is_some())
            .count()
    });
}

#[divan::bench]
fn differences(bencher: Bencher) {
    let line = repeat(net_line);
    let other = NetText::parse(&net_line(1));
    measure(bencher, &line, |text| {
        text.lines().map(|line| NetText::parse(line).differences(&other).len()).sum::<usize>()
    });
}
