//! What `pct set` does to a container's configuration (pct(1)).
//!
//! The rules are those of `PVE::API2::LXC::Config` and `PVE::LXC::Config`, measured by running `pct` on stopped and on
//! running containers.
//!
//! Owns the command's options and their checks ([`PctSet`]), its effect on the file of a stopped and
//! of a running container ([`set`]), and how each changed key takes effect ([`class_of`]). All of it
//! is pure: what the command would look up is given as a [`NodeView`] and a [`Live`] guest, and the
//! Ethernet address that it would choose at random is a text of the caller's.
//!
//! Deliberately not understood: permissions, locks and clusters, and all commands but `set`, `resize` and the stop that
//! puts pending changes in force.

mod args;
mod class;
mod generated;
mod live;
mod maker;
mod net_change;
mod node;
mod options;
mod outcome;
mod pending;
mod plug;
mod request;
mod resize;
mod running;
mod show;
mod stage;
mod stopped;

pub use class::{Class, class_of};
pub use live::Live;
pub use node::{Bridge, Known, NodeView, Storage};
pub use outcome::{Outcome, OutcomeView};
pub use pending::apply_pending;
pub use request::{PctError, PctSet};
pub use resize::{ResizeError, resize};
pub use running::set_running;
pub use show::{config, current_config, pending_changes};
pub use stopped::set_stopped;

/// Whether the container runs, and what is known about it then.
#[derive(Debug, Clone, Copy)]
pub enum State<'a> {
    /// It does not run.
    Stopped,
    /// It runs.
    Running(&'a Live),
}

/// Returns what `pct` would do with these arguments, `set` and the guest's number first.
pub fn set(text: &str, args: &[String], node: &NodeView, state: State<'_>) -> Outcome {
    let request = match PctSet::parse(args) {
        Ok(request) => request,
        Err(error) => return Outcome::refused(text, error.to_string()),
    };
    match state {
        State::Stopped => set_stopped(text, &request, node),
        State::Running(live) => set_running(text, &request, node, live),
    }
}
