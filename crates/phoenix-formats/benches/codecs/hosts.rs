//! hosts(5).

use std::net::IpAddr;

use divan::Bencher;
use phoenix_formats::hosts::Hosts;

use super::{measure, repeat};

fn line(number: usize) -> String {
    let (high, low) = (number / 250 % 250, number % 250 + 1);
    match number % 8 {
        0 => format!("# rack {number}\n"),
        1 => format!("2001:db8:{high}::{low} shop{number}.example.net\n"),
        _ => format!(
            "10.{high}.{}.{low}\tshop{number}.example.net shop{number} # front end\n",
            number % 7
        ),
    }
}

fn address() -> IpAddr {
    "10.0.6.7".parse().unwrap()
}

#[divan::bench]
fn parse(bencher: Bencher) {
    measure(bencher, &repeat(line), Hosts::parse);
}

#[divan::bench]
fn lookups(bencher: Bencher) {
    let hosts = Hosts::parse(&repeat(line));
    measure(bencher, hosts.text(), |_| {
        (hosts.addresses_of("shop6.example.net").len(), hosts.names_of(address()).len())
    });
}

#[divan::bench]
fn set_names(bencher: Bencher) {
    let hosts = Hosts::parse(&repeat(line));
    measure(bencher, hosts.text(), |_| hosts.set_names(address(), &["web.home", "web"]).unwrap());
}

#[divan::bench]
fn remove_names(bencher: Bencher) {
    let hosts = Hosts::parse(&repeat(line));
    measure(bencher, hosts.text(), |_| hosts.remove_names(&["shop6", "shop2002.example.net"]));
}

#[divan::bench]
fn replace_line(bencher: Bencher) {
    let hosts = Hosts::parse(&repeat(line));
    measure(bencher, hosts.text(), |_| hosts.replace_line(9, "10.0.0.9 nine").unwrap());
}
