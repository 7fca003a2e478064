//! Saved rules of iptables(8).

use divan::Bencher;
use phoenix_formats::iptables::{
    PortRange, PortSet, Protocol, SavedRules, apply_delete, delete_argv, obsolete,
};

use super::{measure, repeat};

fn saved() -> String {
    let rule = |number: usize| {
        let (high, low, port) = (number / 250 % 250, number % 250 + 1, number % 60000 + 1);
        match number % 3 {
            0 => format!(
                "-A PREROUTING -i vmbr0 -p tcp -m tcp --dport {port} -j DNAT --to-destination 10.0.{high}.{low}:{port}\n"
            ),
            1 => {
                format!("[12:3456] -A POSTROUTING -s 10.0.{high}.0/24 -o vmbr0 -j MASQUERADE\n")
            }
            _ => format!(
                "-A PREROUTING -d 203.0.113.7/32 -p tcp -m multiport --dports 80,443 -m comment --comment \"shop {number}\" -j DNAT --to-destination 10.0.{high}.{low}\n"
            ),
        }
    };
    let head = "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n";
    head.to_owned() + &repeat(rule) + "COMMIT\n"
}

#[divan::bench]
fn parse(bencher: Bencher) {
    measure(bencher, &saved(), SavedRules::parse);
}

#[divan::bench]
fn remove(bencher: Bencher) {
    let saved = SavedRules::parse(&saved());
    let gone: Vec<_> = saved.rules().iter().step_by(7).map(|rule| rule.reference()).collect();
    measure(bencher, saved.text(), |_| saved.remove(&gone));
}

#[divan::bench]
fn delete_last(bencher: Bencher) {
    let text = saved();
    let argv = delete_argv(SavedRules::parse(&text).rules().last().unwrap());
    measure(bencher, &text, |text| apply_delete(text, &argv).unwrap());
}

#[divan::bench]
fn obsolete_rules(bencher: Bencher) {
    let saved = SavedRules::parse(&saved());
    let internal = "10.0.3.7".parse().unwrap();
    let every = PortRange::new(1, u16::MAX).unwrap();
    let accepted = PortSet::from_iter([(Protocol::Tcp, every)]);
    measure(bencher, saved.text(), |_| {
        obsolete(saved.rules(), internal, &["203.0.113.7".parse().unwrap()], &accepted)
    });
}

#[divan::bench]
fn delete_number(bencher: Bencher) {
    let text = saved();
    let words = ["iptables", "-t", "nat", "-D", "PREROUTING", "3000"].map(str::to_owned);
    measure(bencher, &text, |text| apply_delete(text, &words).unwrap());
}

#[divan::bench]
fn specs(bencher: Bencher) {
    let saved = SavedRules::parse(&saved());
    measure(bencher, saved.text(), |_| {
        saved.rules().iter().filter(|rule| rule.spec().unknown.is_empty()).count()
    });
}
