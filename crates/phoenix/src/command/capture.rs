//! `phoenix capture`: writes what a node answers to a folder that a person can read and edit.

use std::fs;
use std::io;
use std::path::Path;

use phoenix_applier::capture::capture;

use crate::args::{Capture, Places};
use crate::exit::Exit;
use crate::out;
use crate::session::Session;

pub(crate) fn run(places: &Places, args: &Capture) -> Exit {
    let Some(mut session) = Session::open(places) else { return Exit::Error };
    if let Err(error) = empty_folder(&args.dir) {
        out::say(&format!("cannot capture to `{}`: {error}", args.dir.display()));
        return Exit::Error;
    }
    let facts = session.observe();
    match capture(&facts, &args.dir) {
        Ok(count) => {
            out::say(&format!("{count} answers written to {}", args.dir.display()));
            Exit::Done
        }
        Err(error) => {
            out::say(&format!("cannot capture to `{}`: {error}", args.dir.display()));
            Exit::Error
        }
    }
}

/// A capture never mixes with what is there: an old answer would pass for a new one.
fn empty_folder(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    match fs::read_dir(dir)?.next() {
        None => Ok(()),
        Some(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "the folder is not empty")),
    }
}
