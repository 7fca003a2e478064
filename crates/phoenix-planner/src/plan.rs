//! The plan: actions in an acyclic graph, in the order in which they are carried out.

mod scope;

use std::collections::{BTreeMap, BTreeSet};

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use serde::Serialize;

use crate::address::Address;
use crate::location::Location;
use crate::operation::Operation;
use crate::source::Origin;
use crate::words::sha256;

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// It is made: `+`.
    Add,
    /// It is changed in place: `~`.
    Change,
    /// It is removed: `-`.
    Remove,
    /// Nothing is declared or gone, something is done: `!` (a restart, a reload).
    Do,
}

impl Verb {
    /// Returns the sign of the preview.
    pub fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Change => '~',
            Self::Remove => '-',
            Self::Do => '!',
        }
    }
}

/// A service that is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// The web server of a container.
    Nginx,
    /// The node's DNS server.
    Dnsmasq,
    /// The certificate authority of a container.
    StepCa,
    /// The proxy of a container.
    Traefik,
}

/// What an action costs those who use the node, from nothing to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disruption {
    /// Nobody notices.
    None,
    /// In force at once, without interruption.
    Live,
    /// Not in force before the guest is stopped and started again.
    Pending,
    /// A service reads its configuration again.
    Reload,
    /// A link or address is interrupted for a moment.
    Reconnect,
    /// A service is stopped and started.
    RestartService(Service),
    /// A stopped guest is started.
    Start,
    /// A guest is stopped and started.
    Restart,
    /// A guest is stopped, and stays so.
    Stop,
}

impl Disruption {
    /// Returns the word of the preview; empty for none.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Live => "live",
            Self::Reload => "reload",
            Self::Reconnect => "reconnect",
            Self::Pending => "pending",
            Self::RestartService(Service::Nginx) => "restart nginx",
            Self::RestartService(Service::Dnsmasq) => "restart dnsmasq",
            Self::RestartService(Service::StepCa) => "restart step-ca",
            Self::RestartService(Service::Traefik) => "restart traefik",
            Self::Start => "start",
            Self::Restart => "restart",
            Self::Stop => "stop",
        }
    }
}

/// One word for each class: which service it is stands in the action's address.
impl Serialize for Disruption {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::None => "none",
            Self::RestartService(_) => "restart-service",
            other => other.as_str(),
        })
    }
}

/// One changed attribute, shown under its action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attribute {
    /// What happens to it.
    pub verb: Verb,
    /// Its name, such as `memory` or `net0`.
    pub name: String,
    /// What it is now; `None` when it is added.
    pub before: Option<String>,
    /// What it will be; `None` when it is removed.
    pub after: Option<String>,
    /// Which class the change has on a running guest, where that differs from the action's.
    pub class: Option<Disruption>,
    /// Why, or what an expert would add.
    pub notes: Vec<String>,
}

/// Everything that is done to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    /// The resource.
    pub address: Address,
    /// What happens to it.
    pub verb: Verb,
    /// Why, in a phrase.
    pub reason: String,
    /// What it costs.
    pub disruption: Disruption,
    /// The guest that it is done for, if it is for one.
    #[serde(skip)]
    pub guest: Option<phoenix_formats::Vmid>,
    /// Where the operator declared it.
    #[serde(skip)]
    pub origin: Option<Origin>,
    /// Its changed attributes.
    pub attributes: Vec<Attribute>,
    /// What an expert at the operator's shoulder would say.
    pub notes: Vec<String>,
    /// What is done, in order; when one fails, those before it are taken back.
    pub operations: Vec<Operation>,
}

impl Action {
    /// Returns whether it only asks: it is there for those that need its answer.
    pub fn only_asks(&self) -> bool {
        self.operations.iter().all(|operation| matches!(operation, Operation::Check(_)))
    }
}

/// Why one action stands before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edge {
    /// The later one makes no sense when the earlier one failed.
    Needs,
    /// The order alone matters.
    After,
}

/// Something that phoenix would do and cannot yet, with the reason. It is no change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deferred {
    /// The resource.
    pub address: Address,
    /// Why it is not done: a lower-case fragment.
    pub reason: String,
}

/// Points to an action of the [`Draft`] that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActionId(NodeIndex);

/// A plan in the making: an action can only come after actions that are already in it, so that no
/// cycle can arise and the order of addition is an order of execution.
#[derive(Debug, Default)]
pub struct Draft {
    graph: DiGraph<Action, Edge>,
    by_address: BTreeMap<Address, ActionId>,
    held: BTreeMap<Address, Vec<(ActionId, Edge)>>,
    deferred: Vec<Deferred>,
    notes: Vec<String>,
}

impl Draft {
    /// Adds an action that comes after others, and after those that [`Draft::hold`] has named.
    pub fn add(&mut self, action: Action, after: &[(ActionId, Edge)]) -> ActionId {
        let address = action.address.clone();
        let index = self.graph.add_node(action);
        let held = self.held.get(&address).into_iter().flatten();
        for (earlier, edge) in held.chain(after) {
            self.graph.update_edge(earlier.0, index, *edge);
        }
        self.by_address.insert(address, ActionId(index));
        ActionId(index)
    }

    /// Says what an action comes after that may still be added, whoever adds it.
    pub fn hold(&mut self, address: Address, after: Vec<(ActionId, Edge)>) {
        self.held.entry(address).or_default().extend(after);
    }

    /// Returns whether a resource or a part of it cannot be done yet.
    pub fn defers_within(&self, address: &Address) -> bool {
        self.deferred.iter().any(|deferred| deferred.address.is_within(address))
    }

    /// Returns the actions that are done for a guest, in order.
    pub fn of_guest(&self, vmid: phoenix_formats::Vmid) -> Vec<ActionId> {
        let ids = self.graph.node_indices();
        ids.filter(|id| self.graph[*id].guest == Some(vmid)).map(ActionId).collect()
    }

    /// Returns the action of a resource, if there is one.
    pub fn find(&self, address: &Address) -> Option<ActionId> {
        self.by_address.get(address).copied()
    }

    /// Returns the actions whose address satisfies a condition, in order.
    pub fn find_all(&self, wanted: impl Fn(&Address) -> bool) -> Vec<ActionId> {
        let ids = self.graph.node_indices();
        ids.filter(|id| wanted(&self.graph[*id].address)).map(ActionId).collect()
    }

    /// Returns the last action that writes a file, with the text that it leaves: whoever changes the file
    /// after it begins from there.
    pub fn written(&self, at: &Location) -> Option<(ActionId, &str)> {
        let actions = self.graph.node_indices().rev();
        let mut texts = actions.filter_map(|id| {
            let operations = self.graph[id].operations.iter().rev();
            let mut texts = operations.filter_map(|operation| match operation {
                Operation::Write(write) if write.at == *at => Some(write.after.as_str()),
                _ => None,
            });
            Some((ActionId(id), texts.next()?))
        });
        texts.next()
    }

    /// Returns an action.
    pub fn action(&self, id: ActionId) -> &Action {
        &self.graph[id.0]
    }

    /// Returns whether a resource cannot be done yet.
    pub fn is_deferred(&self, address: &Address) -> bool {
        self.deferred.iter().any(|deferred| deferred.address == *address)
    }

    /// Notes something that cannot be done yet.
    pub fn defer(&mut self, address: Address, reason: impl Into<String>) {
        self.deferred.push(Deferred { address, reason: reason.into() });
    }

    /// Notes something that concerns no single action.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Returns whether there is no action yet.
    pub fn is_empty(&self) -> bool {
        self.graph.node_count() == 0
    }

    /// Returns the finished plan.
    pub fn finish(self) -> Plan {
        let Self { graph, deferred, notes, by_address: _, held: _ } = self;
        Plan { graph, deferred, notes }
    }
}

/// An acyclic, ordered set of actions: if you hold one, it can be carried out from first to last.
#[derive(Debug, Clone)]
#[must_use = "a plan that is neither shown nor applied was made for nothing"]
pub struct Plan {
    graph: DiGraph<Action, Edge>,
    deferred: Vec<Deferred>,
    notes: Vec<String>,
}

/// One action of a plan with what it comes after.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Its number in the order of execution, counted from 1.
    pub number: usize,
    /// The action.
    pub action: &'a Action,
    plan: &'a Plan,
    index: NodeIndex,
}

impl Step<'_> {
    /// Returns the numbers of the actions that this one comes after, with the reason, in order.
    pub fn after(&self) -> Vec<(usize, Edge)> {
        let edges = self.plan.graph.edges_directed(self.index, Direction::Incoming);
        let mut after = edges.map(|e| (e.source().index() + 1, *e.weight())).collect::<Vec<_>>();
        after.sort_unstable();
        after
    }
}

impl Plan {
    /// Returns the actions in the order of execution.
    pub fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        self.graph.node_indices().map(|index| Step {
            number: index.index() + 1,
            action: &self.graph[index],
            plan: self,
            index,
        })
    }

    /// Returns whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.graph.node_count() == 0
    }

    /// Returns how many actions there are.
    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// Returns what cannot be done yet, with reasons.
    pub fn deferred(&self) -> &[Deferred] {
        &self.deferred
    }

    /// Returns what concerns no single action.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the attributes of an action that are done and not in force before its guest's next start,
    /// which is not part of the plan.
    pub fn waiting(&self, address: &Address) -> Vec<&str> {
        let Some(step) = self.steps().find(|step| step.action.address == *address) else {
            return Vec::new();
        };
        let starts = |d| matches!(d, Disruption::Restart | Disruption::Start);
        let same_guest = |other: &Action| other.guest == step.action.guest;
        if self.steps().any(|s| starts(s.action.disruption) && same_guest(s.action)) {
            return Vec::new();
        }
        let attributes = step.action.attributes.iter();
        let waiting = attributes.filter(|attribute| attribute.class == Some(Disruption::Pending));
        waiting.map(|attribute| attribute.name.as_str()).collect()
    }

    /// Returns whether a guest is made or started, or a part of it waits while the plan does something for it: what
    /// is inside it is known afterwards only.
    pub fn brings_up_guests(&self) -> bool {
        let is_guest = |address: &Address| {
            let mut parts = address.as_str().split('/');
            matches!(parts.next(), Some("lxc" | "vm")) && parts.count() == 1
        };
        let guests = self.steps().filter_map(|step| step.action.guest).collect::<BTreeSet<_>>();
        let is_of_one = |address: &Address| {
            guests.iter().any(|guest| address.is_within(&Address::new("lxc", guest)))
        };
        let mut waiting = self.deferred().iter().map(|deferred| &deferred.address);
        if waiting.any(|address| is_guest(address) || is_of_one(address)) {
            return true;
        }
        self.steps().any(|Step { action, .. }| {
            let made = action.verb == Verb::Add && is_guest(&action.address);
            made || action.disruption == Disruption::Start
        })
    }

    /// Returns how many actions have a verb.
    pub fn count(&self, verb: Verb) -> usize {
        self.steps().filter(|step| step.action.verb == verb).count()
    }

    /// Returns the SHA-256 of everything that would be done, in lower-case hexadecimal.
    pub fn digest(&self) -> String {
        let steps = self.steps().map(|step| (step.action, step.after())).collect::<Vec<_>>();
        let text = serde_json::to_string(&steps).expect("actions hold nothing that JSON cannot");
        sha256(text)
    }
}
