//! The few things that phoenix does to a node, as data. `phoenix-applier` is one `match` over them.

use phoenix_formats::lxc_conf;
use serde::Serialize;

use crate::location::{Location, Place};
use crate::probe::{Argv, Probe, argv};

/// One step of an action.
///
/// A new variant needs a reason in `docs/decisions/`: the applier grows with each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Operation {
    /// Replaces a whole file, or makes it.
    Write(Write),
    /// Removes a file.
    Remove {
        /// Which file.
        at: Location,
        /// What it holds: anything else makes the step stale.
        before: String,
        /// How the preview shows it.
        shown: Shown,
    },
    /// Makes, changes or removes a symbolic link; it is taken back with the files.
    Link(Link),
    /// Has a program on the node change a file, and insists on the planned result.
    Transform(Transform),
    /// Runs a program.
    Run(Run),
    /// Asks until the answer is as wanted, and fails when it never is.
    Check(Check),
    /// Edits a guest's configuration as it is then: what Proxmox VE writes into a new one is not known before.
    Edit {
        /// Which file; one that is absent is an error.
        at: Location,
        /// The edits: those that are made already change nothing.
        edits: Vec<lxc_conf::Edit>,
    },
}

/// Replaces a whole file: `before` is the preview's diff, the refusal to overwrite, and the undo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Write {
    /// Which file.
    pub at: Location,
    /// What it holds now; `None` when it is absent. Anything else makes the step stale.
    pub before: Option<String>,
    /// What it shall hold.
    pub after: String,
    /// Permission bits of a new file; an existing one keeps its own.
    pub mode: u32,
    /// How the preview shows it.
    pub shown: Shown,
}

/// How the preview shows a file that is written, or a program that is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Shown {
    /// With every changed line, or every word.
    InFull,
    /// By the file's name alone: it is a program of phoenix itself, whose text is in phoenix's source.
    NameOnly,
    /// By an attribute of the action, which says the same in fewer words.
    AsAttribute,
}

impl Write {
    /// Returns the writing of a file whose difference is shown.
    pub fn new(at: Location, before: Option<String>, after: String, mode: u32) -> Self {
        Self { at, before, after, mode, shown: Shown::InFull }
    }
}

/// Makes, changes or removes a symbolic link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Which link.
    pub at: Location,
    /// What it names now; `None` when there is nothing of that name. Anything else makes the step stale.
    pub before: Option<String>,
    /// What it shall name; `None` when it goes.
    pub after: Option<String>,
}

impl Link {
    /// Returns the question what a link names; it fails where there is none.
    pub fn probe(at: &Location) -> Probe {
        Probe::Run { place: at.place, argv: argv(["readlink", "--", at.path.as_str()]) }
    }

    /// Returns what makes the link name something, or removes it.
    pub fn command(&self) -> Argv {
        let path = self.at.path.as_str();
        match (&self.before, &self.after) {
            (_, None) => argv(["rm", "--force", "--", path]),
            // Without `--force` it fails where something else has come meanwhile.
            (None, Some(to)) => argv(["ln", "--symbolic", "--no-target-directory", "--", to, path]),
            (Some(_), Some(to)) => {
                argv(["ln", "--symbolic", "--force", "--no-target-directory", "--", to, path])
            }
        }
    }

    /// Returns what takes it back.
    #[must_use = "the link itself does not change"]
    pub fn reversed(&self) -> Self {
        Self { at: self.at.clone(), before: self.after.clone(), after: self.before.clone() }
    }
}

/// Has a program change a file from `before` to exactly `after`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transform {
    /// Which file.
    pub at: Location,
    /// What it holds now: anything else makes the step stale.
    pub before: String,
    /// What the program must leave; anything else is a failure, and `before` is put back.
    pub after: String,
    /// The program, run where the file is.
    pub argv: Argv,
}

/// Runs a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Where it runs.
    pub place: Place,
    /// The program and its arguments.
    pub argv: Argv,
    /// The file of the node that it reads as its standard input, without phoenix reading it; `None` is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Location>,
    /// What takes its effect back when a later step of the same action fails.
    pub undo: Option<Argv>,
    /// What is left of it when it has ended and nothing takes it back.
    #[serde(skip)]
    pub leaves: Leaves,
    /// The file that it changes, read again when it fails: a failed program may have changed it.
    pub touches: Option<Location>,
    /// What its failure means.
    pub on_failure: OnFailure,
    /// How the preview shows it.
    pub shown: Shown,
}

/// What a program leaves behind: a report must not say that nothing changed when something did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaves {
    /// It may have changed the place where it ran.
    Change,
    /// It only looks.
    Nothing,
}

/// What a program's failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum OnFailure {
    /// The action fails.
    Stop,
    /// Nothing: the step only makes the next one more likely to work.
    Continue,
    /// It is tried again, so many times in all, with so many seconds between.
    Retry {
        /// How often it is tried in all.
        attempts: u32,
        /// Seconds between two tries.
        pause: u32,
    },
    /// It is tried again like that, and when it never works that means nothing: the next plan says what waits.
    Await {
        /// How often it is tried in all.
        attempts: u32,
        /// Seconds between two tries.
        pause: u32,
    },
}

impl OnFailure {
    /// Returns whether the action goes on when the program has failed for good.
    pub fn goes_on(self) -> bool {
        matches!(self, Self::Continue | Self::Await { .. })
    }
}

/// Asks a probe until its answer is as wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is asked.
    pub probe: Probe,
    /// What the answer must show.
    pub want: Want,
    /// How often it is asked in all.
    pub attempts: u32,
    /// Seconds between two tries.
    pub pause: u32,
}

/// What an answer must show; [`crate::want`] decides it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Want {
    /// The program ends with status 0.
    Success,
    /// `ip -json address show` has an interface with this name, address and MAC, and it is up.
    Interface {
        /// The interface's name.
        name: String,
        /// Its address without prefix length.
        ip: std::net::Ipv4Addr,
        /// Its MAC, if one is declared.
        mac: Option<String>,
    },
    /// `ip -json route get` answers with this interface.
    RouteBy {
        /// The interface's name.
        device: String,
    },
    /// `ss -Hltn` has every one of these sockets, a wildcard counting for its address.
    Sockets(Vec<String>),
    /// `ss -Hltn` has no port of these that listens on this address and on no other.
    NotOnlyOn {
        /// The address.
        ip: std::net::Ipv4Addr,
        /// The ports.
        ports: Vec<u16>,
    },
    /// `ss -Hltn` has every one of these ports on all IPv4 addresses.
    Everywhere {
        /// The ports.
        ports: Vec<u16>,
    },
    /// `ip -json address show` has an interface with this name, and it is up.
    Up {
        /// The interface's name.
        name: String,
    },
    /// `ip -json route get` answers with this gateway on this interface.
    RouteVia {
        /// The gateway.
        via: std::net::Ipv4Addr,
        /// The interface's name.
        device: String,
    },
    /// `bridge -json fdb show dev BRIDGE` has this MAC for the bridge itself, so that it floods no frames
    /// for it.
    KeptBy {
        /// The bridge's name.
        bridge: String,
        /// The MAC.
        mac: String,
    },
    /// The program prints these lines and no others.
    Lines(Vec<String>),
    /// The program prints a line that holds this text.
    Mentions(String),
    /// The program ends with status 0, and what it prints ends with this text.
    EndsWith(String),
    /// `ip -json rule show` has a rule that sends what comes from this address to this table, and no
    /// other address there.
    OwnRule {
        /// The address.
        ip: std::net::Ipv4Addr,
        /// The table's number.
        table: u32,
    },
    /// `ip -json route show table N` has a default route by this gateway on this interface.
    TableDefault {
        /// The gateway.
        via: std::net::Ipv4Addr,
        /// The interface's name.
        device: String,
    },
    /// The program says exactly this; white space around it does not count.
    Says(String),
    /// `pct list` has this container as running.
    Running(u32),
    /// `getent ahostsv4` answers with this address and no other.
    Host(std::net::Ipv4Addr),
    /// resolv.conf(5) asks these servers, in this order.
    Nameservers(Vec<std::net::IpAddr>),
    /// `pve-firewall status` says that the firewall runs, is on or off, and has nothing left to do.
    Firewall {
        /// Whether it is on.
        enabled: bool,
    },
    /// A name has addresses, and all of them are among these.
    AddressIn(Vec<std::net::IpAddr>),
    /// A connection is made.
    Connects,
    /// `ip -json route show table N` has these routes in the words of ip(8), and no others.
    Routes(Vec<String>),
}

impl Run {
    /// Returns a run of a program at a place that fails the action when it fails.
    pub fn at(place: Place, argv: Argv) -> Self {
        Self {
            place,
            argv,
            input: None,
            undo: None,
            leaves: Leaves::Change,
            touches: None,
            on_failure: OnFailure::Stop,
            shown: Shown::InFull,
        }
    }

    /// Returns a run of a program on the node that fails the action when it fails.
    pub fn on_node(argv: Argv) -> Self {
        Self::at(Place::Node, argv)
    }
}
