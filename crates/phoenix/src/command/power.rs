//! `phoenix start`, `stop`, `restart` and `delete`: plans with nothing else in them.

use super::apply::carry_out;
use crate::args::{Guests, Places};
use crate::exit::Exit;
use crate::session::{Asked, Selection, Session};

pub(crate) fn run(places: &Places, args: &Guests, asked: Asked) -> Exit {
    let Some(mut session) = Session::open(places) else { return Exit::Error };
    let guests = args.guests.iter().map(|vmid| vmid.get()).collect();
    let selection = Selection { guests, asked, ..Selection::default() };
    carry_out(&mut session, &selection, &args.consent)
}
