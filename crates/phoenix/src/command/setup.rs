//! `phoenix setup`: apply, with the scope of the node itself.

use super::apply::carry_out;
use crate::args::{Places, Setup};
use crate::exit::Exit;
use crate::session::{Selection, Session};

pub(crate) fn run(places: &Places, args: &Setup) -> Exit {
    let Some(mut session) = Session::open(places) else { return Exit::Error };
    carry_out(&mut session, &Selection { node: true, ..Selection::default() }, &args.consent)
}
