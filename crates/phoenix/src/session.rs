//! What every verb that plans begins with: the operator's files, the node, and the plan.

use std::path::{Path, PathBuf};

use phoenix_applier::{Node, observe};
use phoenix_planner::address::Address;
use phoenix_planner::desired::Desired;
use phoenix_planner::kind;
use phoenix_planner::load::{Loaded, Strictness, load};
use phoenix_planner::plan::Plan;
use phoenix_planner::source::{Origin, Sources};

use crate::args::{Places, Scope};
use crate::{config, complain, node};

/// The operator's files, checked, and the node that they are about.
pub struct Session {
    sources: Sources,
    loaded: Loaded,
    desired: Desired,
    node: Box<dyn Node>,
}

impl Session {
    /// Reads the operator's files and finds the node; says what is wrong and returns `None` if it
    /// cannot.
    pub fn open(places: &Places) -> Option<Self> {
        let (sources, loaded) = load_files(places)?;
        let desired = loaded.desired.clone()?;
        let node = node::find(places.node_dir.as_deref()).map_err(|error| complain::about(error)).ok()?;
        Some(Self { sources, loaded, desired, node })
    }

    /// Returns what the operator wants.
    pub fn desired(&self) -> &Desired {
        &self.desired
    }

    /// Returns the node.
    pub fn node(&mut self) -> &mut dyn Node {
        self.node.as_mut()
    }

    /// Observes the node and plans; says what is wrong and returns `None` if no plan can be made.
    pub fn plan(&mut self, scope: &Selection) -> Option<Plan> {
        let facts = observe(&self.desired, self.node.as_mut());
        match kind::plan(&self.desired, &facts) {
            Ok(plan) => Some(scope.of(plan)),
            Err(refusals) => {
                complain::about_refusals(&refusals, &self.loaded, &self.sources);
                None
            }
        }
    }

    /// Returns the line of a value in the operator's files.
    pub fn line(&self, origin: &Origin) -> Option<usize> {
        self.loaded.line(origin)
    }
}

/// Reads and checks the operator's files; says everything that is wrong with them.
pub fn load_files(places: &Places) -> Option<(Sources, Loaded)> {
    let folder: PathBuf = config::folder(places.config.as_deref());
    let sources = match config::read(&folder) {
        Ok(sources) => sources,
        Err(errors) => {
            errors.into_iter().for_each(|error| complain::about(error));
            return None;
        }
    };
    let strictness = if places.strict { Strictness::Strict } else { Strictness::Lenient };
    let loaded = load(&sources, strictness);
    complain::about_problems(&loaded);
    Some((sources, loaded))
}

/// Which part of a plan is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Selection {
    /// Only these and what they need; all when empty.
    pub targets: Vec<Address>,
    /// Not these nor what needs them.
    pub excludes: Vec<Address>,
}

impl From<&Scope> for Selection {
    fn from(scope: &Scope) -> Self {
        Self { targets: scope.target.clone(), excludes: scope.exclude.clone() }
    }
}

impl Selection {
    /// Returns the part of a plan that is meant.
    pub fn of(&self, plan: Plan) -> Plan {
        let plan = if self.targets.is_empty() { plan } else { plan.target(&self.targets) };
        if self.excludes.is_empty() { plan } else { plan.exclude(&self.excludes) }
    }
}

