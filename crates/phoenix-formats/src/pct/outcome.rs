//! What became of a `pct set`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Class;
use crate::lxc_conf::LxcConf;

/// What a `pct set` did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a command can fail, and can have changed the file all the same"]
pub struct Outcome {
    /// Whether the command exits with 0.
    pub succeeded: bool,
    /// Errors and warnings, in phoenix's own words.
    pub messages: Vec<String>,
    /// The configuration afterwards; a command that failed can have changed it too.
    pub after: String,
    /// Whether the configuration is another one now.
    pub changed: bool,
    /// How the changes take effect as a whole, if the container runs.
    pub class: Option<Class>,
    /// How each key takes effect, if the container runs; keys that do not change are left out.
    pub classes: BTreeMap<String, Class>,
    /// What stands in `[pve:pending]` afterwards.
    pub pending: BTreeMap<String, String>,
    /// Keys, or properties such as `net0.mtu`, that wait for a restart without being listed.
    pub silent: BTreeSet<String>,
}

impl Outcome {
    /// Returns the outcome of a command that failed before it touched anything.
    pub fn refused(text: &str, message: String) -> Self {
        Self::new(text, text.to_owned(), vec![message]).failed()
    }

    pub(super) fn new(before: &str, after: String, messages: Vec<String>) -> Self {
        Self {
            succeeded: true,
            messages,
            changed: after != before,
            class: None,
            classes: BTreeMap::new(),
            pending: LxcConf::parse(&after).pending().shown(),
            silent: BTreeSet::new(),
            after,
        }
    }

    pub(super) fn failed(self) -> Self {
        Self { succeeded: false, class: Some(Class::Refused), ..self }
    }

    /// Returns what `phoenix inspect pct-set` shows of a stopped container.
    pub fn inspect(&self) -> OutcomeView {
        OutcomeView {
            exit: i32::from(!self.succeeded),
            changed: self.changed,
            after: self.after.clone(),
            class: None,
            pending: None,
            messages: self.messages.clone(),
        }
    }

    /// Returns what `phoenix inspect pct-set --running` shows.
    pub fn inspect_running(&self) -> OutcomeView {
        OutcomeView { class: self.class, pending: Some(self.pending.clone()), ..self.inspect() }
    }
}

/// Shows what a `pct set` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutcomeView {
    /// 0, or 1 when the command fails.
    pub exit: i32,
    /// Whether the configuration is another one now.
    pub changed: bool,
    /// The configuration afterwards.
    pub after: String,
    /// How the changes take effect, if the container runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// What stands in `[pve:pending]` afterwards, if the container runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<BTreeMap<String, String>>,
    /// Errors and warnings.
    pub messages: Vec<String>,
}
