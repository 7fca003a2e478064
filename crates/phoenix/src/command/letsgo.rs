//! `phoenix letsgo`: apply, of everything.

use super::apply::carry_out;
use crate::args::{LetsGo, Places};
use crate::exit::Exit;
use crate::session::{Selection, Session};

pub(crate) fn run(places: &Places, args: &LetsGo) -> Exit {
    let Some(mut session) = Session::open(places) else { return Exit::Error };
    carry_out(&mut session, &Selection::default(), &args.consent)
}
