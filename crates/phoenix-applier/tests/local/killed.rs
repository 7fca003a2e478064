//! A writer that is killed leaves the old text or the new one.

use std::path::Path;

use phoenix_applier::{Expect, LocalNode};
use phoenix_planner::location::Location;

use crate::machine::{Helper, Machine, write};

const FILES: [&str; 2] = ["/etc/file", "/etc/pve/file"];

/// Returns two texts of the same kind that have nothing in common.
fn texts() -> [String; 2] {
    ["a".repeat(900_000), "b".repeat(700_000)]
}

/// Writes the two texts by turns: the job of a helper process.
pub(crate) fn write_for_ever(root: &Path) {
    let mut node = LocalNode::with_root(root).unwrap();
    println!();
    loop {
        for text in texts() {
            for path in FILES {
                write(&mut node, &Location::node(path), Expect::Anything, &text).unwrap();
            }
            println!("written");
        }
    }
}

#[test]
fn a_killed_writer_leaves_a_whole_text() {
    for round in 0..12 {
        let machine = Machine::new();
        let mut helper = Helper::start("write", &machine.path(""));
        (0..=round % 4).for_each(|_| helper.hear("written"));
        helper.kill();
        for path in FILES {
            let found = machine.get(path);
            assert!(texts().contains(&found), "{path} holds {} bytes", found.len());
        }
    }
}
