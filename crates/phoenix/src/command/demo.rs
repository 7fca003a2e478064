//! `phoenix demo`: the whole story on an embedded example, in a temporary folder.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use phoenix_planner::source::FileKind;

use super::apply::execute;
use crate::args::{Demo, Format, Places};
use crate::exit::Exit;
use crate::out;
use crate::session::{Selection, Session};

include!(concat!(env!("OUT_DIR"), "/demo.rs"));

/// One file of the embedded example.
enum Embedded {
    /// A file with its text.
    File(&'static str),
    /// A symbolic link with its target.
    Link(&'static str),
}

pub(crate) fn run(args: &Demo) -> Exit {
    let kept = args.keep.clone();
    match prepare(kept.as_deref()) {
        Ok(folder) => tell(folder.path(), kept.is_some()),
        Err(error) => {
            let place =
                kept.map_or_else(|| "a temporary folder".to_owned(), |p| p.display().to_string());
            out::say(&format!("cannot write the example to {place}: {error}"));
            Exit::Error
        }
    }
}

/// The folder of the example: gone at the end unless it shall be kept.
enum Folder {
    Kept(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

fn prepare(keep: Option<&Path>) -> io::Result<Folder> {
    let folder = match keep {
        Some(path) => {
            // An example of somebody else's making must not be mixed with this one.
            if path.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "the folder is not empty",
                ));
            }
            Folder::Kept(path.to_owned())
        }
        None => Folder::Temporary(tempfile::tempdir()?),
    };
    for (path, embedded) in DEMO {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
        match embedded {
            Embedded::File(text) => fs::write(path, text)?,
            Embedded::Link(target) => symlink(target, path)?,
        }
    }
    Ok(folder)
}

fn tell(folder: &Path, kept: bool) -> Exit {
    let places = Places {
        config: Some(folder.to_owned()),
        node_dir: Some(folder.join("node")),
        lab: None,
        strict: false,
    };
    let [hypervisor, containers] =
        [FileKind::Hypervisor, FileKind::Containers].map(FileKind::file_name);
    out::say(&format!(
        "An operator declares, in {hypervisor} and {containers}, that the gateway container 101 has a LAN address of its own. This is the plan for a node that is not there yet:\n"
    ));
    let Some(mut session) = Session::open(&places) else { return Exit::Error };
    let everything = Selection::default();
    let Some(plan) = session.plan(&everything) else { return Exit::Error };
    out::preview(&session.preview(&plan, Format::Text));
    out::say("\nNow it is applied, on a simulated node:\n");
    let exit = execute(&mut session, &everything, &plan);
    if kept {
        let shown = folder.display();
        out::say(&format!(
            "\nThe example is in {shown}. Change something, then:\n  phoenix plan --config {shown} --node-dir {shown}/node"
        ));
    }
    exit
}
