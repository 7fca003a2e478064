//! The command line. The texts here are the manual: `phoenix --help`, and `docs/commands.md`.

mod lab;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use phoenix_applier::LabName;
use phoenix_planner::address::Address;

pub use self::lab::LabCommand;

/// Declarative plan and apply for Proxmox VE.
///
/// Compares what the JSON files in the configuration folder declare with what a node has, shows an
/// ordered plan, and carries exactly that plan out.
#[derive(Debug, Parser)]
#[command(name = "phoenix", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Where the operator's files and the node are.
    #[command(flatten)]
    pub places: Places,

    /// Says more on standard error; twice for every program and file.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// Where the operator's files and the node are.
#[derive(Debug, Args)]
pub struct Places {
    /// The folder with the operator's files [default: $PHOENIX_CONFIG, else
    /// /usr/local/phoenix_hypervisor/etc if it is there, else .].
    #[arg(long, global = true, value_name = "DIR", env = "PHOENIX_CONFIG", hide_env = true)]
    pub config: Option<PathBuf>,

    /// A captured node instead of this machine.
    #[arg(long, global = true, value_name = "DIR")]
    pub node_dir: Option<PathBuf>,

    /// The node of a lab instead of this machine.
    #[arg(long, global = true, value_name = "NAME")]
    pub lab: Option<LabName>,

    /// Takes a field that looks like a typo of a known one for an error.
    #[arg(long, global = true)]
    pub strict: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows what apply would do, and changes nothing.
    Plan(Plan),
    /// Shows the plan, asks, carries it out, and proves that nothing is left to do.
    Apply(Apply),
    /// Brings the node itself to what is declared: apply without the guests.
    Setup(Setup),
    /// Makes guests, with what they need, or brings them to what is declared; others are left as they are.
    Create(Guests),
    /// Brings guests and everything that they need to what is declared.
    Converge(Guests),
    /// Brings the node and all guests to what is declared, each in its turn: apply, by the spec's own name.
    #[command(name = "letsgo", alias = "LetsGo")]
    LetsGo(LetsGo),
    /// Starts guests, and what they depend on.
    Start(Guests),
    /// Stops guests, those that depend on others first.
    Stop(Guests),
    /// Stops guests and starts them again.
    Restart(Guests),
    /// Says how the declared guests are, and what is left to do for them.
    Status(Status),
    /// Deletes guests with everything in them; those that are protected or needed are refused.
    Delete(Guests),
    /// Issues the certificates that are missing, wrong or about to end: apply without anything else.
    Renew(Renew),
    /// Shows a plan that `plan --out` has saved.
    Show(Show),
    /// Checks the operator's files and lists what phoenix does not manage in them.
    Validate,
    /// Prints the JSON Schema of one of the operator's files, for editors.
    Schema(Schema),
    /// Writes what the node answers to a folder that `--node-dir` takes.
    Capture(Capture),
    /// Prints what phoenix understands of a file of the node.
    Inspect(Inspect),
    /// Looks whether what is declared is in force, and says what to do where it is not.
    Verify(Verify),
    /// Plans, applies and plans again on an example, in a temporary folder.
    Demo(Demo),
    /// Makes a twin of a node in network namespaces, with real traffic (needs root).
    Lab(Lab),
}

/// Which part of a plan is meant.
#[derive(Debug, Clone, Default, Args)]
pub struct Scope {
    /// Only this resource with its parts, and what it needs; may be repeated.
    #[arg(long, value_name = "ADDR")]
    pub target: Vec<Address>,

    /// Not this resource, nor what needs it; may be repeated.
    #[arg(long, value_name = "ADDR")]
    pub exclude: Vec<Address>,
}

/// The form of a preview.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    #[default]
    Text,
    /// Markdown, for a comment on a pull request.
    Md,
    /// For a program.
    Json,
    /// For Graphviz.
    Dot,
}

/// `phoenix plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// Which part of the plan is meant.
    #[command(flatten)]
    pub scope: Scope,

    /// Saves the plan for `phoenix apply FILE` (mode 0600).
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// The form of the preview.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// Ends with 2 when there are changes.
    #[arg(long)]
    pub detailed_exitcode: bool,

    /// Writes the preview to a file, to be committed and reviewed.
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    pub snapshot: Option<PathBuf>,

    /// Fails with the difference when the preview is not what this file holds.
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
}

/// How an apply goes ahead.
#[derive(Debug, Clone, Default, Args)]
pub struct Consent {
    /// Does not ask.
    #[arg(long, short)]
    pub yes: bool,

    /// Refuses any other plan: the digest, or its first 8 digits or more.
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub expect: Option<String>,
}

/// `phoenix apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// A plan that `plan --out` has saved, with its own scope; any other is refused.
    #[arg(conflicts_with_all = ["target", "exclude"])]
    pub plan: Option<PathBuf>,

    /// Which part of the plan is meant.
    #[command(flatten)]
    pub scope: Scope,

    /// How it goes ahead.
    #[command(flatten)]
    pub consent: Consent,
}

/// `phoenix setup`.
#[derive(Debug, Args)]
pub struct Setup {
    /// How it goes ahead.
    #[command(flatten)]
    pub consent: Consent,
}

/// The verbs that are about some guests.
#[derive(Debug, Args)]
pub struct Guests {
    /// The guests' numbers.
    #[arg(required = true, value_name = "ID")]
    pub guests: Vec<phoenix_formats::Vmid>,

    /// How it goes ahead.
    #[command(flatten)]
    pub consent: Consent,
}

/// `phoenix renew`.
#[derive(Debug, Args)]
pub struct Renew {
    /// How it goes ahead.
    #[command(flatten)]
    pub consent: Consent,
}

/// `phoenix letsgo`.
#[derive(Debug, Args)]
pub struct LetsGo {
    /// How it goes ahead.
    #[command(flatten)]
    pub consent: Consent,
}

/// `phoenix status`.
#[derive(Debug, Args)]
pub struct Status {
    /// The guests' numbers; all when none is named.
    #[arg(value_name = "ID")]
    pub guests: Vec<phoenix_formats::Vmid>,
}

/// `phoenix show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The saved plan.
    pub plan: PathBuf,

    /// The form of the preview.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `phoenix schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// Which file: hypervisor, lxc, vm or certificates, or the file's own name.
    #[arg(value_name = "FILE")]
    pub file: String,
}

/// `phoenix capture`.
#[derive(Debug, Args)]
pub struct Capture {
    /// The folder to write; it must not exist yet, or be empty.
    pub dir: PathBuf,
}

/// `phoenix inspect`.
#[derive(Debug, Args)]
#[command(trailing_var_arg = false)]
pub struct Inspect {
    /// What the input is.
    #[arg(value_enum)]
    pub kind: InspectKind,

    /// The file; `-` or nothing for standard input.
    pub file: Option<PathBuf>,

    /// Prints JSON instead of text.
    #[arg(long)]
    pub json: bool,

    /// `firewall`: which of the three kinds of file it is.
    #[arg(long, value_enum, default_value = "guest")]
    pub level: FirewallLevel,

    /// `firewall`: the cluster's file, for its aliases, sets and groups.
    #[arg(long, value_name = "FILE")]
    pub with_cluster: Option<PathBuf>,

    /// `pct-set`: a bridge of the node and its MTU; may be repeated, and the first one has the uplink.
    #[arg(long, value_name = "NAME[:MTU]", default_value = "vmbr0:1500")]
    pub bridge: Vec<String>,

    /// `pct-set`: the container is running.
    #[arg(long)]
    pub running: bool,

    /// `pct-set`: `set VMID ARGS…`.
    #[arg(last = true)]
    pub args: Vec<String>,
}

/// What `phoenix inspect` understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InspectKind {
    /// A container's `netN`, one a line.
    Net,
    /// A virtual machine's `netN`, one a line.
    QmNet,
    /// A virtual machine's `ipconfigN`, one a line: whether it starts with it.
    QmIpconfig,
    /// A container's configuration file.
    LxcConf,
    /// A `.fw` file.
    Firewall,
    /// What `pct set` does to a configuration: `--config FILE -- set VMID ARGS…`.
    PctSet,
    /// A configuration of nginx.
    Nginx,
    /// interfaces(5).
    Interfaces,
    /// What iptables-save prints.
    Iptables,
    /// hosts(5).
    Hosts,
    /// resolv.conf(5).
    ResolvConf,
    /// A configuration of dnsmasq, by itself.
    Dnsmasq,
}

/// The three kinds of `.fw` files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FirewallLevel {
    /// `cluster.fw`.
    Cluster,
    /// `host.fw`.
    Host,
    /// `VMID.fw`.
    Guest,
}

/// `phoenix verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Only these resources with their parts; all when none is named.
    #[arg(value_name = "ADDR")]
    pub addresses: Vec<Address>,

    /// Prints JSON instead of text.
    #[arg(long)]
    pub json: bool,

    /// Needs no node: looks only at what any machine of the LAN can see.
    #[arg(long)]
    pub from_here: bool,

    /// How often a check is asked before it counts as failed, two seconds apart.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub attempts: u32,
}

/// `phoenix demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Writes the example here and leaves it, to play with.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// `phoenix lab`.
#[derive(Debug, Args)]
pub struct Lab {
    /// What to do with the lab.
    #[command(subcommand)]
    pub command: LabCommand,
}

fn digest(text: &str) -> Result<String, String> {
    let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let shown = phoenix_planner::preview::SHORT_DIGEST;
    if hex && (shown..=64).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "a digest is {shown} to 64 digits of 0-9 and a-f, as the plan's last line shows it"
        ))
    }
}
