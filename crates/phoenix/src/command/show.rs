//! `phoenix show`: shows a saved plan.

use crate::args::{Format, Show};
use crate::exit::Exit;
use crate::saved::SavedPlan;
use crate::{complain, out};

pub(crate) fn run(args: &Show) -> Exit {
    match SavedPlan::read(&args.plan) {
        Ok(plan) if args.format == Format::Text => out::preview(plan.preview(args.format)),
        Ok(plan) => out::result(plan.preview(args.format)),
        Err(error) => {
            complain::about(&error);
            return Exit::Error;
        }
    }
    Exit::Done
}
