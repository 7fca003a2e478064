//! The cluster's storages, far more than any real one has.

use divan::Bencher;
use phoenix_formats::storage_cfg::StorageCfg;

use super::{measure, repeat};

fn storage(number: usize) -> String {
    format!(
        "zfspool: pool-{number}\n\tpool quick/disks-{number}\n\tcontent images,rootdir\n\tsparse 1\n\n"
    )
}

#[divan::bench]
fn parse(bencher: Bencher) {
    measure(bencher, &repeat(storage), StorageCfg::parse);
}
