//! The command line of phoenix: loads the operator's files, shows, asks, reports.
//!
//! This is the only crate that reads the operator's files and talks to a terminal.

pub mod args;
mod command;
mod complain;
mod config;
mod exit;
mod node;
mod out;
mod places;
mod saved;
mod session;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::session::Asked;

/// Runs phoenix with the arguments of this process and returns its exit code.
pub fn main() -> ExitCode {
    if let Some(code) = command::lab::inner() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    log(cli.verbose);
    command::lab::elsewhere(&cli).unwrap_or_else(|| run(&cli)).into()
}

fn run(cli: &Cli) -> Exit {
    let places = &cli.places;
    match &cli.command {
        Command::Plan(args) => command::plan::run(places, args),
        Command::Apply(args) => command::apply::run(places, args),
        Command::Setup(args) => command::setup::run(places, args),
        Command::Create(args) => command::create::create(places, args),
        Command::Converge(args) => command::create::converge(places, args),
        Command::LetsGo(args) => command::letsgo::run(places, args),
        Command::Start(args) => command::power::run(places, args, Asked::Start),
        Command::Stop(args) => command::power::run(places, args, Asked::Stop),
        Command::Restart(args) => command::power::run(places, args, Asked::Restart),
        Command::Status(args) => command::status::run(places, args),
        Command::Delete(args) => command::power::run(places, args, Asked::Delete),
        Command::Renew(args) => command::renew::run(places, args),
        Command::Show(args) => command::show::run(args),
        Command::Validate => command::validate::run(places),
        Command::Schema(args) => command::schema::run(args),
        Command::Capture(args) => command::capture::run(places, args),
        Command::Inspect(args) => command::inspect::run(places, args),
        Command::Verify(args) => command::verify::run(places, args),
        Command::Demo(args) => command::demo::run(args),
        Command::Lab(args) => command::lab::run(places, args),
    }
}

/// Says what is wrong with the arguments; help and version that were asked for are results.
fn usage(error: &clap::Error) -> ExitCode {
    // A closed pipe means that the reader has seen enough.
    let _ = error.print();
    if error.use_stderr() { Exit::Error.into() } else { Exit::Done.into() }
}

fn log(verbose: u8) {
    let level = match verbose {
        0 => tracing::Level::WARN,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(out::colours(&std::io::stderr()))
        .without_time()
        .init();
}
