//! `phoenix schema`: the JSON Schema of one of the operator's files.

use phoenix_planner::schema::schema;
use phoenix_planner::source::FileKind;

use crate::args::Schema;
use crate::exit::Exit;
use crate::out;

pub(crate) fn run(args: &Schema) -> Exit {
    match kind(&args.file) {
        Some(kind) => {
            out::result(&schema(kind));
            Exit::Done
        }
        None => {
            out::say(&format!(
                "`{}` is none of the operator's files: say hypervisor, lxc, vm or certificates",
                args.file
            ));
            Exit::Error
        }
    }
}

fn kind(name: &str) -> Option<FileKind> {
    let by_file = FileKind::ALL.into_iter().find(|kind| kind.file_name() == name);
    by_file.or(match name {
        "hypervisor" => Some(FileKind::Hypervisor),
        "lxc" => Some(FileKind::Containers),
        "vm" => Some(FileKind::Vms),
        "certificates" => Some(FileKind::Certificates),
        _ => None,
    })
}
