//! `pct set` on a container that does not run.

use super::maker::Maker;
use super::node::NodeView;
use super::outcome::Outcome;
use super::request::PctSet;
use super::{generated, pending, stage};

/// Returns what the command does to a stopped container.
///
/// The command can fail although it has changed the file: LXC's configuration is made after that.
pub fn set_stopped(text: &str, request: &PctSet, node: &NodeView) -> Outcome {
    let mut stage = match stage::stage(text, request, node) {
        Ok(stage) => stage,
        Err(why) => return Outcome { class: None, ..Outcome::refused(text, why) },
    };
    let faults = pending::apply(
        &mut stage.sections,
        Some(&stage.touched),
        Maker { node, vmid: Some(request.vmid) },
    );
    if !faults.is_empty() {
        return Outcome { class: None, ..Outcome::refused(text, faults.join("; ")) };
    }
    let mut outcome = Outcome::new(text, stage.sections.written(), stage.warnings);
    if let Err(why) = generated::check(&stage.sections.main, node) {
        outcome.messages.push(why);
        outcome.succeeded = false;
    }
    outcome
}
