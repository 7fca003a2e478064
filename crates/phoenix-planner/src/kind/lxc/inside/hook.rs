//! `lxc.hook.start`: the line of a container's configuration that has LXC run the program.

use phoenix_formats::lxc_conf::{Edit, LxcConf};
use phoenix_formats::pct::{self, Bridge, NodeView, State};
use phoenix_formats::public_interface::{HOOK, SCRIPT_PATH};

use super::{After, Inside, Reading, at};
use crate::desired::Container;
use crate::observed::{Observed, config_path};
use crate::operation::{Operation, Write};
use crate::plan::{Draft, Verb};

/// The text that a stopped container's configuration will have when it is started; `None` when the node
/// decides about it.
pub(in super::super) struct Predicted(Option<String>);

impl Predicted {
    /// Follows the operations of an action as a stopped container's configuration goes through them.
    pub(in super::super) fn of(
        observed: &Observed<'_>,
        text: &str,
        operations: &[Operation],
    ) -> Self {
        let mut text = text.to_owned();
        let bridges = observed.links.iter().filter(|link| link.is_bridge());
        let bridges = bridges.map(|link| (link.name.clone(), Bridge::new(link.mtu)));
        let node = NodeView::with_bridges(bridges.collect());
        for operation in operations {
            match operation {
                Operation::Write(write) => text.clone_from(&write.after),
                Operation::Run(run) if run.argv.first().is_some_and(|word| word == "pct") => {
                    let outcome = pct::set(&text, &run.argv[1..], &node, State::Stopped);
                    // A node whose `pct` takes more than the stock one writes what cannot be told.
                    if !outcome.succeeded {
                        return Self(None);
                    }
                    text = outcome.after;
                }
                _ => return Self(None),
            }
        }
        // What is pending gets into the configuration at the start.
        if !LxcConf::parse(&text).pending().is_empty() {
            text = pct::apply_pending(&text, &node);
        }
        Self(Some(text).filter(|text| !text.contains(NodeView::RANDOM_MAC)))
    }
}

fn line() -> (String, String) {
    (HOOK.0.to_owned(), HOOK.1.to_owned())
}

fn is_set(conf: &LxcConf) -> bool {
    conf.raw().contains(&line())
}

/// Returns the edit that adds the line, if it is missing.
pub(in super::super) fn add(conf: &LxcConf) -> Option<Edit> {
    let (key, value) = line();
    (!is_set(conf)).then_some(Edit::AddRaw { key, value })
}

/// Returns the edit that takes the line away, if it is there.
pub(in super::super) fn take_away(conf: &LxcConf) -> Option<Edit> {
    let (key, value) = line();
    is_set(conf).then_some(Edit::RemoveRaw { key, value })
}

/// Returns whether the line may stand in the configuration: the program is in the container, or comes
/// into it before.
pub(in super::super) fn wanted(observed: &Observed<'_>, container: &Container) -> bool {
    let enabled = container.public.as_ref().is_some_and(|public| public.enabled);
    let there = observed.facts.text(&at(container, SCRIPT_PATH)).is_some();
    let reachable = Reading::of(observed, container).is_ok();
    enabled && (there || observed.is_running(container.vmid) && reachable)
}

/// Adds the line to the configuration of a container that was started without it.
pub(super) fn plan(inside: &Inside<'_>, conf: &Predicted, after: &After, draft: &mut Draft) {
    let at = config_path(inside.container.vmid);
    let Some(before) = &conf.0 else {
        let why = "is added when the container's configuration can be told: apply again";
        draft.defer(inside.address("hook"), why);
        return;
    };
    let edit = add(&LxcConf::parse(before));
    let after_text = edit.and_then(|edit| LxcConf::parse(before).edit(&[edit]).ok());
    let Some(text) = after_text else { return };
    let write = Write::new(at, Some(before.clone()), text, super::super::calls::CONFIG_MODE);
    let reason = "all of it at every start, before the container's init".to_owned();
    let action = inside.action("hook", reason, Verb::Add, vec![Operation::Write(write)]);
    draft.add(action, after);
}
