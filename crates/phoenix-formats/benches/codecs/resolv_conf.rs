//! resolv.conf(5), far longer than any real one.

use std::net::IpAddr;

use divan::Bencher;
use phoenix_formats::resolv_conf::{Nameserver, ResolvConf};

use super::{measure, repeat};

fn line(number: usize) -> String {
    match number % 5 {
        0 => format!("# resolver {number}, set by hand\n"),
        1 => format!("nameserver 10.0.{}.{}\n", number / 250 % 250, number % 250 + 1),
        2 => format!("nameserver 2001:db8::{:x}\n", number % 60000),
        3 => "options ndots:2 timeout:1 attempts:2 rotate\n".to_owned(),
        _ => format!("search shop{number}.example.net example.net\n"),
    }
}

#[divan::bench]
fn parse(bencher: Bencher) {
    measure(bencher, &repeat(line), ResolvConf::parse);
}

#[divan::bench]
fn set_nameservers(bencher: Bencher) {
    let conf = ResolvConf::parse(&repeat(line));
    let servers =
        ["10.0.0.1", "9.9.9.9"].map(|text| Nameserver::from(text.parse::<IpAddr>().unwrap()));
    measure(bencher, conf.text(), |_| conf.set_nameservers(&servers).unwrap());
}

#[divan::bench]
fn set_search(bencher: Bencher) {
    let conf = ResolvConf::parse(&repeat(line));
    measure(bencher, conf.text(), |_| conf.set_search(&["example.net"]).unwrap());
}
