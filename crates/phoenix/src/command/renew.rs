//! `phoenix renew`: apply, with the scope of the certificates.

use phoenix_planner::address::Address;

use super::apply::carry_out;
use crate::args::{Places, Renew};
use crate::exit::Exit;
use crate::out;
use crate::session::{Selection, Session};

pub(crate) fn run(places: &Places, args: &Renew) -> Exit {
    let Some(mut session) = Session::open(places) else { return Exit::Error };
    let declared = session.desired().trust.certificates.keys();
    let targets = declared.map(|name| Address::new("certificate", name)).collect::<Vec<_>>();
    if targets.is_empty() {
        out::say("no certificates are declared");
        return Exit::Done;
    }
    carry_out(&mut session, &Selection { targets, ..Selection::default() }, &args.consent)
}
