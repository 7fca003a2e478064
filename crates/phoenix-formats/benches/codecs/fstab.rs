//! fstab(5), far longer than any real one.

use std::collections::BTreeMap;

use divan::Bencher;
use phoenix_formats::fstab::Fstab;

use super::{measure, repeat};

fn line(number: usize) -> String {
    match number % 4 {
        0 => format!("# volume {number} of the house\n"),
        1 => format!("PARTUUID=6a0e2b1c-{number:04x} /srv/{number} ext4 rw,discard 0 1\n"),
        _ => format!("10.0.0.13:/srv/{number} /mnt/a\\040{number} nfs _netdev,nofail 0 0\n"),
    }
}

#[divan::bench]
fn parse(bencher: Bencher) {
    measure(bencher, &repeat(line), Fstab::parse);
}

#[divan::bench]
fn edit(bencher: Bencher) {
    let table = Fstab::parse(&repeat(line));
    let changed = BTreeMap::from([(9, None), (90, Some("tmpfs /tmp tmpfs rw 0 0".to_owned()))]);
    measure(bencher, table.text(), |_| table.edit(&changed, &[]));
}
