//! Property strings, one a line.

use divan::Bencher;
use phoenix_formats::property::PropertyText;

use super::{measure, repeat};

fn line(number: usize) -> String {
    format!(
        "local-lvm:vm-{number}-disk-0,mp=/srv/data,size=8G,backup=1,mountoptions=noatime;nodev,replicate=0\n"
    )
}

#[divan::bench]
fn text(bencher: Bencher) {
    measure(bencher, &repeat(line), |text| {
        text.lines().filter(|line| PropertyText::parse(line).get("size").is_some()).count()
    });
}

#[divan::bench]
fn text_with(bencher: Bencher) {
    measure(bencher, &repeat(line), |text| {
        let lines = text.lines().map(PropertyText::parse);
        lines.map(|line| line.with("size", "16G").to_string().len()).sum::<usize>()
    });
}

#[divan::bench]
fn text_without(bencher: Bencher) {
    measure(bencher, &repeat(line), |text| {
        let lines = text.lines().map(PropertyText::parse);
        lines.map(|line| line.without("size").to_string().len()).sum::<usize>()
    });
}
