//! `phoenix verify`: looks whether what is declared is in force.

use phoenix_applier::here::has_address;
use phoenix_applier::{LocalNode, Network, Patience, verify};
use phoenix_planner::address::Address;
use phoenix_planner::desired::Desired;
use phoenix_planner::verify::{self as checks, Check, Finding, Standing, Summary};

use crate::args::{Places, Verify};
use crate::exit::Exit;
use crate::session::{self, Session};
use crate::{complain, out};

/// Seconds between two rounds.
const PAUSE: u32 = 2;

pub(crate) fn run(places: &Places, args: &Verify) -> Exit {
    let findings = if args.from_here { from_here(places, args) } else { all(places, args) };
    let Some(findings) = findings else { return Exit::Error };
    out::result(&if args.json { checks::json(&findings) } else { checks::text(&findings) });
    if Summary::of(&findings).failed > 0 { Exit::Incomplete } else { Exit::Done }
}

fn patience(args: &Verify) -> Patience {
    Patience { attempts: args.attempts, pause: PAUSE }
}

fn all(places: &Places, args: &Verify) -> Option<Vec<Finding>> {
    let mut session = Session::open(places)?;
    let checks = chosen(session.checks()?, &args.addresses)?;
    Some(session.verify(checks, patience(args)))
}

/// Looks without any node: what is declared is all that is needed.
fn from_here(places: &Places, args: &Verify) -> Option<Vec<Finding>> {
    let (_, loaded) = session::load_files(places)?;
    complain::about_errors(&loaded);
    let desired = loaded.desired?;
    let standing = standing(&desired);
    let checks = chosen(checks::from_here(&desired, standing), &args.addresses)?;
    Some(verify(checks, None, &Network, standing, patience(args)))
}

/// Returns whether this machine is the node: it has the node's files, or its address.
fn standing(desired: &Desired) -> Standing {
    let address = desired.network.address.as_ref().map(|address| address.value.addr());
    if LocalNode::detect().is_ok() || address.is_some_and(has_address) {
        Standing::Node
    } else {
        Standing::Lan
    }
}

/// Returns the checks of the named resources; a slip of the pen must not look like "all fine".
fn chosen(checks: Vec<Check>, addresses: &[Address]) -> Option<Vec<Check>> {
    let unknown = addresses
        .iter()
        .filter(|address| !checks.iter().any(|check| check.address.is_within(address)));
    let unknown = unknown.collect::<Vec<_>>();
    for address in &unknown {
        out::say(&format!(
            "nothing is checked at `{address}`; `phoenix verify` without it shows the addresses"
        ));
    }
    let named = |check: &Check| {
        addresses.is_empty() || addresses.iter().any(|address| check.address.is_within(address))
    };
    unknown.is_empty().then(|| checks.into_iter().filter(named).collect())
}
