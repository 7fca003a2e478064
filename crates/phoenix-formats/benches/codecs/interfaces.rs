//! interfaces(5), and what ip(8) says about the same.

use std::collections::BTreeSet;

use divan::Bencher;
use phoenix_formats::interfaces::Interfaces;
use phoenix_formats::iproute::{links_json, links_of, read_links};

use super::{measure, repeat};

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

#[divan::bench]
fn iproute_build(bencher: Bencher) {
    let file = Interfaces::parse(&repeat(bridge));
    let network = file.network();
    measure(bencher, file.text(), |_| links_of(&network));
}
