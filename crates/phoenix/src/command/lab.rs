//! `phoenix lab`: a twin of a node in network namespaces.

use std::path::PathBuf;
use std::process::ExitCode;

use miette::Diagnostic;
use phoenix_applier::lab::{self, Errand, Guests, Hints, LabStatus};
use phoenix_applier::{Lab, LabError, LabName};
use phoenix_planner::load::{Strictness, load};

use crate::args::{Cli, Command, Lab as LabArgs, LabCommand, Places};
use crate::exit::Exit;
use crate::{complain, config, out};

/// Runs phoenix as a part of a lab, when it is started as one: the kernel and the lab itself do so.
pub(crate) fn inner() -> Option<ExitCode> {
    let args = std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    let args = args.collect::<Vec<_>>();
    let (word, rest) = args.split_first()?;
    let code = match word.as_str() {
        lab::INIT => lab::run_init(rest),
        lab::TOOL => lab::run_tool(rest),
        lab::ROUTER => lab::run_router(),
        lab::ROOM => lab::run_room(),
        _ => return None,
    };
    Some(ended(code).into())
}

/// Runs phoenix where the labs of this user are, when that is not here and the command is about a lab.
pub(crate) fn elsewhere(cli: &Cli) -> Option<Exit> {
    let errand = match &cli.command {
        Command::Lab(args) => match args.command {
            LabCommand::Up { .. } => Errand::Make,
            LabCommand::Down { .. } => Errand::End,
            LabCommand::Status { .. } | LabCommand::Exec { .. } => Errand::Visit,
        },
        _ if cli.places.lab.is_some() => Errand::Visit,
        _ => return None,
    };
    let args = std::env::args_os().skip(1).collect::<Vec<_>>();
    let done = program().and_then(|program| lab::visit(errand, &program, &args));
    done.map(|code| code.map(ended)).unwrap_or_else(|error| Some(failed(error)))
}

/// A program's own code; what is none of a process's codes is a failure.
fn ended(code: i32) -> Exit {
    u8::try_from(code).map_or(Exit::Error, Exit::Program)
}

pub(crate) fn run(places: &Places, args: &LabArgs) -> Exit {
    let done = match &args.command {
        LabCommand::Up { name, lxc } => {
            let guests = if *lxc { Guests::Lxc } else { Guests::Namespaces };
            up(places, &chosen(places, name.as_ref()), guests)
        }
        LabCommand::Status { name, json } => {
            let form = if *json { Form::Json } else { Form::Text };
            status(name.as_ref().or(places.lab.as_ref()), form)
        }
        LabCommand::Exec { place, argv } => {
            let lab = Lab::find(&chosen(places, None));
            lab.and_then(|lab| lab.exec(place, argv)).map(ended)
        }
        LabCommand::Down { name } => down(&chosen(places, name.as_ref())),
    };
    done.unwrap_or_else(failed)
}

fn chosen(places: &Places, name: Option<&LabName>) -> LabName {
    name.or(places.lab.as_ref()).cloned().unwrap_or_default()
}

fn failed(error: LabError) -> Exit {
    complain::about(&Complaint(error));
    Exit::Error
}

fn up(places: &Places, name: &LabName, guests: Guests) -> Result<Exit, LabError> {
    let folder = config::folder(places.config.as_deref());
    let node = places.node_dir.clone().unwrap_or_else(|| folder.join("node"));
    let program = program()?;
    let lab = Lab::up(name, &node, &hints(&folder), &program, guests)?;
    lab.complaints().iter().for_each(|complaint| out::say(complaint));
    out::say(&format!(
        "Lab `{name}` is up. Try:\n  phoenix lab exec --lab {name} lan -- ip address\n  phoenix plan --lab {name}\n  phoenix lab down {name}"
    ));
    Ok(Exit::Done)
}

/// Takes what the operator's files say about the network; a lab can be made without them.
fn hints(folder: &std::path::Path) -> Hints {
    let Ok(sources) = config::read(folder) else { return Hints::default() };
    load(&sources, Strictness::Lenient).desired.as_ref().map(Hints::of).unwrap_or_default()
}

fn program() -> Result<PathBuf, LabError> {
    std::env::current_exe()
        .map_err(|source| LabError::File { path: "/proc/self/exe".into(), source })
}

fn down(name: &LabName) -> Result<Exit, LabError> {
    let was_there = Lab::down(name)?;
    let said = if was_there { "is down" } else { "was not up" };
    out::say(&format!("Lab `{name}` {said}."));
    Ok(Exit::Done)
}

/// The form of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

fn status(name: Option<&LabName>, form: Form) -> Result<Exit, LabError> {
    let names = name.map_or_else(Lab::all, |name| vec![name.clone()]);
    let all = names.iter().map(Lab::status).collect::<Result<Vec<_>, _>>()?;
    match form {
        Form::Json => {
            let json = serde_json::to_string_pretty(&all).expect("texts and numbers are JSON");
            out::result(&(json + "\n"));
        }
        Form::Text if all.is_empty() => out::say("There is no lab."),
        Form::Text => out::result(&all.iter().map(text).collect::<Vec<_>>().join("\n")),
    }
    Ok(Exit::Done)
}

fn text(status: &LabStatus) -> String {
    let lines = status.places.iter().map(|place| {
        let services = place.services.join(", ");
        let addresses = place.addresses.join(", ");
        let services = if services.is_empty() { services } else { format!("  [{services}]") };
        format!("  {:<9} {addresses}{services}\n", place.name)
    });
    let by = if status.guests == Guests::Lxc.word() { ", its guests by LXC" } else { "" };
    std::iter::once(format!("{}: {}{by}\n", status.name, status.state)).chain(lines).collect()
}

/// An error about a lab, with what to do.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Complaint(LabError);

impl Diagnostic for Complaint {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        let help = match &self.0 {
            LabError::NotRoot => "Run it with sudo, or without --lxc.",
            LabError::NoRoom(_) => "Run it with sudo, or let users make user namespaces.",
            LabError::NoProgram(name) if name.starts_with("lxc-") => {
                "On Debian: apt-get install lxc"
            }
            LabError::NoProgram(_) => {
                "On Debian: apt-get install iproute2 iptables util-linux nginx-light"
            }
            LabError::IsUp(_) => "Take it down with `phoenix lab down NAME`, or give another name.",
            LabError::NotUp(_) => {
                "`phoenix lab status` lists the labs; `phoenix lab up` makes one."
            }
            LabError::NoPlace { .. } => {
                "`phoenix lab status` shows the places; start a guest with `phoenix lab exec node -- pct start ID`."
            }
            LabError::Folder(_) => {
                "Name a captured node with --node-dir DIR, or an example that has one with --config DIR."
            }
            _ => return None,
        };
        Some(Box::new(help))
    }
}
