//! `phoenix create` and `phoenix converge`: apply, with the scope of some guests.

use std::collections::BTreeSet;

use phoenix_formats::Vmid;
use phoenix_planner::desired::Desired;
use phoenix_planner::kind;

use super::apply::carry_out;
use crate::args::{Guests, Places};
use crate::exit::Exit;
use crate::out;
use crate::session::{Reach, Selection, Session};

pub(crate) fn create(places: &Places, args: &Guests) -> Exit {
    run(places, args, Reach::Alone)
}

pub(crate) fn converge(places: &Places, args: &Guests) -> Exit {
    run(places, args, Reach::Chain)
}

fn run(places: &Places, args: &Guests, reach: Reach) -> Exit {
    let Some(mut session) = Session::open(places) else { return Exit::Error };
    for vmid in &args.guests {
        if let Err(why) = is_known(session.desired(), *vmid) {
            out::say(&why);
            return Exit::Error;
        }
    }
    let chain = kind::chain(session.desired(), &args.guests);
    let named = args.guests.iter().copied().collect::<BTreeSet<_>>();
    let there = session.guests();
    // What is made on the way is made whole; what was there before is left as it is.
    let meant =
        |vmid: &Vmid| reach == Reach::Chain || named.contains(vmid) || !there.contains(vmid);
    let guests = chain.into_iter().filter(meant).map(Vmid::get).collect();
    let selection = Selection { guests, reach, ..Selection::default() };
    carry_out(&mut session, &selection, &args.consent)
}

/// Only what is declared can be brought to what is declared.
fn is_known(desired: &Desired, vmid: Vmid) -> Result<(), String> {
    let known = desired.containers.keys().chain(desired.vms.keys()).collect::<BTreeSet<_>>();
    if known.contains(&vmid) {
        return Ok(());
    }
    let known = known.into_iter().map(ToString::to_string).collect::<Vec<_>>();
    Err(format!("guest {vmid} is not declared; declared are {}", known.join(", ")))
}
