//! What `phoenix lab` takes.

use clap::Subcommand;
use phoenix_applier::LabName;

/// What can be done with a lab.
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// Makes a lab of the node in --node-dir, else of the folder `node` beside the operator's files.
    Up {
        /// The lab's name [default: lab].
        name: Option<LabName>,

        /// Runs the guests as containers of LXC, which reads the raw keys of their configuration itself.
        #[arg(long)]
        lxc: bool,
    },
    /// Says what runs in a lab, or in all of them.
    Status {
        /// The lab's name [default: all].
        name: Option<LabName>,

        /// Prints JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Runs a program in a place of a lab: node, lan, internet, router, or a guest's number.
    Exec {
        /// The place.
        #[arg(value_name = "WHERE")]
        place: String,

        /// The program and its arguments.
        #[arg(last = true, required = true)]
        argv: Vec<String>,
    },
    /// Takes a lab down; nothing of it stays.
    Down {
        /// The lab's name [default: lab].
        name: Option<LabName>,
    },
}
