//! `pct set`: it says whether the file changes, and once stopped, a guest has taken on all that waited.
//!
//! An input is a container's file, a line `%%`, and the command's words, one a line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_formats::pct::{Live, NodeView, State, apply_pending, pending_changes, set};

fuzz_target!(|input: &str| {
    let (text, words) = input.split_once("%%\n").unwrap_or((input, "set\n101\n--memory\n1024"));
    let words: Vec<String> = words.split('\n').map(str::to_owned).collect();
    let (node, live) = (NodeView::default(), Live::default());
    for state in [State::Stopped, State::Running(&live)] {
        let outcome = set(text, &words, &node, state);
        assert_eq!(outcome.changed, outcome.after != text);
        let _ = pending_changes(&outcome.after);
    }
    let stopped = apply_pending(text, &node);
    assert_eq!(apply_pending(&stopped, &node), stopped);
});
