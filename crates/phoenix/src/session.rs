//! What every verb that plans begins with: the operator's files, the node, and the plan.

use std::collections::BTreeSet;

use phoenix_applier::{Network, Node, Patience, observe};
use phoenix_formats::Vmid;
use phoenix_planner::address::Address;
use phoenix_planner::desired::Desired;
use phoenix_planner::kind::{self, GuestStatus, Task};
use phoenix_planner::load::{Loaded, Strictness, load};
use phoenix_planner::plan::Plan;
use phoenix_planner::preview;
use phoenix_planner::probe::Facts;
use phoenix_planner::source::{Origin, Sources};
use phoenix_planner::verify::{self, Check, Finding, Standing};

use crate::args::{Format, Places, Scope};
use crate::places::DeclaredPlaces;
use crate::{complain, config, node, out};

/// The operator's files, checked, and the node that they are about.
pub(crate) struct Session {
    places: DeclaredPlaces,
    desired: Desired,
    node: Box<dyn Node>,
    standing: Standing,
}

impl Session {
    /// Reads the operator's files and finds the node; says what is wrong and returns `None` if it
    /// cannot.
    pub(crate) fn open(places: &Places) -> Option<Self> {
        let (sources, loaded) = load_files(places)?;
        complain::about_errors(&loaded);
        let desired = loaded.desired?;
        match node::find(places) {
            Ok(node) => {
                let captured = places.node_dir.is_some();
                let standing = if captured { Standing::Captured } else { Standing::Node };
                Some(Self { places: DeclaredPlaces::of(&sources), desired, node, standing })
            }
            Err(error) => {
                complain::about(&error);
                None
            }
        }
    }

    /// Returns what the operator wants.
    pub(crate) fn desired(&self) -> &Desired {
        &self.desired
    }

    /// Returns the node.
    pub(crate) fn node(&mut self) -> &mut dyn Node {
        self.node.as_mut()
    }

    /// Returns everything that a plan needs to know of the node.
    pub(crate) fn observe(&mut self) -> Facts {
        observe(&self.desired, self.node.as_mut())
    }

    /// Returns the declared guests that are on the node.
    pub(crate) fn guests(&mut self) -> BTreeSet<Vmid> {
        let facts = self.observe();
        let declared = self.desired.containers.keys().chain(self.desired.vms.keys()).copied();
        declared.filter(|vmid| kind::has_guest(&facts, *vmid)).collect()
    }

    /// Returns how the declared guests are; says what is wrong and returns `None` if that cannot be told.
    pub(crate) fn status(&mut self) -> Option<Vec<GuestStatus>> {
        let facts = self.observe();
        kind::status(&self.desired, &facts)
            .map_err(|refusals| complain::about_refusals(&refusals, &self.places))
            .ok()
    }

    /// Observes the node and plans; says what is wrong and returns `None` if no plan can be made.
    pub(crate) fn plan(&mut self, selection: &Selection) -> Option<Plan> {
        let facts = self.observe();
        let planned = match selection.asked.task() {
            None => kind::plan(&self.desired, &facts),
            Some(task) => kind::plan_task(&self.desired, &facts, task, &selection.vmids()),
        };
        match planned {
            Ok(plan) => {
                let unknown = selection.unknown(&plan, &self.desired);
                unknown.iter().for_each(|address| {
                    out::say(&format!("nothing is declared or planned at `{address}`; `phoenix plan` shows the addresses"));
                });
                unknown.is_empty().then(|| selection.of(plan))
            }
            Err(refusals) => {
                complain::about_refusals(&refusals, &self.places);
                None
            }
        }
    }

    /// Observes the node and returns every check of what is declared; says what is wrong and returns
    /// `None` if files of the node cannot be used.
    pub(crate) fn checks(&mut self) -> Option<Vec<Check>> {
        let facts = self.observe();
        verify::checks(&self.desired, &facts, self.standing)
            .map_err(|refusals| complain::about_refusals(&refusals, &self.places))
            .ok()
    }

    /// Returns what checks find.
    pub(crate) fn verify(&mut self, checks: Vec<Check>, patience: Patience) -> Vec<Finding> {
        let standing = self.standing;
        phoenix_applier::verify(checks, Some(self.node()), &Network, standing, patience)
    }

    /// Returns a preview of a plan.
    pub(crate) fn preview(&self, plan: &Plan, format: Format) -> String {
        let lines = |origin: &Origin| self.places.line(origin);
        match format {
            Format::Text => preview::text(plan, &lines),
            Format::Md => preview::markdown(plan, &lines),
            Format::Json => preview::json(plan, &lines),
            Format::Dot => preview::dot(plan),
        }
    }
}

/// Reads and checks the operator's files; says which of them cannot be read.
pub(crate) fn load_files(places: &Places) -> Option<(Sources, Loaded)> {
    let folder = config::folder(places.config.as_deref());
    let sources = match config::read(&folder) {
        Ok(sources) => sources,
        Err(errors) => {
            errors.iter().for_each(|error| complain::about(error));
            return None;
        }
    };
    let strictness = if places.strict { Strictness::Strict } else { Strictness::Lenient };
    let loaded = load(&sources, strictness);
    Some((sources, loaded))
}

/// Which part of a plan is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Selection {
    /// Only these and what they need; all when empty.
    pub targets: Vec<Address>,
    /// Not these nor what needs them.
    pub excludes: Vec<Address>,
    /// Only what is done for these guests, and what it needs; all when empty.
    #[serde(default)]
    pub guests: Vec<u32>,
    /// Only what is done for the node itself.
    #[serde(default)]
    pub node: bool,
    /// How far the guests reach.
    #[serde(default)]
    pub reach: Reach,
    /// What is asked for of the guests.
    #[serde(default)]
    pub asked: Asked,
}

/// How far a selection of guests reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Reach {
    /// Others are changed too where the guests need it.
    #[default]
    Chain,
    /// Others are only started.
    Alone,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Asked {
    /// What is declared.
    #[default]
    Declared,
    /// That they run.
    Start,
    /// That they do not.
    Stop,
    /// That they start again.
    Restart,
    /// That they are no more.
    Delete,
}

impl Asked {
    fn task(self) -> Option<Task> {
        match self {
            Self::Declared => None,
            Self::Start => Some(Task::Start),
            Self::Stop => Some(Task::Stop),
            Self::Restart => Some(Task::Restart),
            Self::Delete => Some(Task::Delete),
        }
    }
}

impl From<&Scope> for Selection {
    fn from(scope: &Scope) -> Self {
        let (targets, excludes) = (scope.target.clone(), scope.exclude.clone());
        Self { targets, excludes, ..Self::default() }
    }
}

impl Selection {
    /// Returns the addresses that name nothing: a slip of the pen must not look like "no changes".
    fn unknown(&self, plan: &Plan, desired: &Desired) -> Vec<Address> {
        let planned = plan.steps().map(|step| &step.action.address);
        let planned = planned.chain(plan.deferred().iter().map(|deferred| &deferred.address));
        let planned = planned.collect::<Vec<_>>();
        let known = |address: &Address| {
            kind::is_resource(address, desired)
                || planned.iter().any(|other| other.is_within(address))
        };
        let named = self.targets.iter().chain(&self.excludes);
        named.filter(|address| !known(address)).cloned().collect()
    }

    fn vmids(&self) -> Vec<Vmid> {
        self.guests.iter().filter_map(|number| Vmid::new(*number).ok()).collect()
    }

    /// Returns the part of a plan that is meant.
    pub(crate) fn of(&self, plan: Plan) -> Plan {
        if self.asked != Asked::Declared {
            return plan;
        }
        let guests = self.vmids();
        let plan = match self.reach {
            _ if guests.is_empty() => plan,
            Reach::Chain => plan.for_guests(&guests),
            Reach::Alone => plan.for_guests_alone(&guests),
        };
        let plan = if self.node { plan.for_node() } else { plan };
        let plan = if self.targets.is_empty() { plan } else { plan.target(&self.targets) };
        if self.excludes.is_empty() { plan } else { plan.exclude(&self.excludes) }
    }
}
