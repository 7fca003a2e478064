//! subuid(5), far longer than any real one.

use divan::Bencher;
use phoenix_formats::subid::{ROOT, Range, SubId};

use super::{measure, repeat};

fn line(number: usize) -> String {
    match number % 4 {
        0 => format!("root:{}:65536\n", number * 70_000),
        1 => format!("# granted to user{number}\n"),
        _ => format!("user{number}:{}:65536\n", number * 65_536),
    }
}

#[divan::bench]
fn parse(bencher: Bencher) {
    measure(bencher, &repeat(line), SubId::parse);
}

#[divan::bench]
fn grant(bencher: Bencher) {
    let file = SubId::parse(&repeat(line));
    let needed = [Range { first: 33, count: 1 }, Range { first: 100_000, count: 65_536 }];
    measure(bencher, file.text(), |_| file.grant(ROOT, &needed));
}
