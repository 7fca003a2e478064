//! `phoenix create`: apply, with the scope of some guests.

use phoenix_formats::Vmid;

use super::apply::carry_out;
use crate::args::{Create, Places};
use crate::exit::Exit;
use crate::out;
use crate::session::{Selection, Session};

pub(crate) fn run(places: &Places, args: &Create) -> Exit {
    let Some(mut session) = Session::open(places) else { return Exit::Error };
    for vmid in &args.guests {
        if let Err(why) = can_create(&mut session, *vmid) {
            out::say(&why);
            return Exit::Error;
        }
    }
    let guests = args.guests.iter().map(|vmid| vmid.get()).collect();
    carry_out(&mut session, &Selection { guests, ..Selection::default() }, &args.consent)
}

/// Only what is declared can be brought to what is declared, and only what exists yet.
fn can_create(session: &mut Session, vmid: Vmid) -> Result<(), String> {
    if session.desired().vms.contains_key(&vmid) {
        return Err(format!("vm/{vmid}: virtual machines are not managed yet"));
    }
    if !session.desired().containers.contains_key(&vmid) {
        let known = session.desired().containers.keys().map(ToString::to_string).collect::<Vec<_>>();
        return Err(format!("container {vmid} is not declared; declared are {}", known.join(", ")));
    }
    if session.has_container(vmid) {
        return Ok(());
    }
    Err(format!("container {vmid} is not on this node, and phoenix cannot make containers yet"))
}
