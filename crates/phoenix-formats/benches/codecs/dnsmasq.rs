//! Configuration of dnsmasq(8).

use std::collections::{BTreeMap, BTreeSet};

use divan::Bencher;
use phoenix_formats::dnsmasq::{Answers, ConfFiles, DnsmasqConf, Loaded, RecordType};

use super::{measure, repeat};

fn line(number: usize) -> String {
    let (high, low) = (number / 250 % 250, number % 250 + 1);
    match number % 8 {
        0 => format!("# shop {number}\n"),
        1 => format!("address=/shop{number}.example.net/10.{high}.0.{low}\n"),
        2 => format!("host-record=shop{number}.example.net,shop{number},10.{high}.1.{low}\n"),
        3 => format!("cname=www{number}.example.net,shop{number}.example.net\n"),
        4 => format!("server=/zone{number}.example.net/10.{high}.2.{low}#5353\n"),
        5 => format!(
            "dhcp-host=BC:24:11:{:02X}:{:02X}:{:02X},10.{high}.3.{low},shop{number} # front end\n",
            number / 65536 % 256,
            number / 256 % 256,
            number % 256
        ),
        6 => format!("txt-record=shop{number}.example.net,\"v=spf1 a -all\"\n"),
        _ => format!("ptr-record={low}.4.{high}.10.in-addr.arpa,shop{number}.example.net\n"),
    }
}

#[divan::bench]
fn parse(bencher: Bencher) {
    measure(bencher, &repeat(line), DnsmasqConf::parse);
}

#[divan::bench]
fn load(bencher: Bencher) {
    let path = "/etc/dnsmasq.conf";
    let files = BTreeMap::from([(path.to_owned(), repeat(line))]);
    let read = ConfFiles { files, folders: BTreeSet::new() };
    measure(bencher, &read.files[path], |_| Loaded::new(path, &read));
}

#[divan::bench]
fn answers(bencher: Bencher) {
    let conf = DnsmasqConf::parse(&repeat(line));
    measure(bencher, conf.text(), |_| Answers::of([&conf]).ask("www3.example.net", RecordType::A));
}

#[divan::bench]
fn without_lines(bencher: Bencher) {
    let conf = DnsmasqConf::parse(&repeat(line));
    let gone: BTreeSet<usize> = conf.options().step_by(7).map(|option| option.line).collect();
    measure(bencher, conf.text(), |_| conf.without_lines(&gone));
}

#[divan::bench]
fn with_option(bencher: Bencher) {
    let conf = DnsmasqConf::parse(&repeat(line));
    measure(bencher, conf.text(), |_| {
        conf.with_option("address", Some("/new.example.net/10.0.0.1")).unwrap()
    });
}
