//! `phoenix verify`: what was broken on purpose is found, and nothing else is.

#![expect(clippy::unwrap_used, reason = "a test that cannot lay out its node has failed")]

mod breaking;
#[path = "../folders/mod.rs"]
mod folders;
mod resolver;
mod rounds;
mod support;
