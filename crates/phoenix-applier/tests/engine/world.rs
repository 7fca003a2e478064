//! An operator's files beside a captured node in a temporary folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use phoenix_applier::{Event, Flow, Node, Outcome, Report, SimulatedNode, apply, observe};
use phoenix_planner::desired::Desired;
use phoenix_planner::kind;
use phoenix_planner::load::{Strictness, load};
use phoenix_planner::plan::{Plan, Step};
use phoenix_planner::preview;
use phoenix_planner::refusal::Refusal;
use phoenix_planner::source::{FileKind, Origin, Sources};
use serde_json::Value;

use crate::folders::lay;

/// A captured node.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

/// The example of the upgrade to macvlan.
pub(crate) const UPGRADE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/macvlan-upgrade");

impl World {
    /// Returns a node with these files, by their path in the captured folder.
    pub(crate) fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir_all(world.path("fs")).unwrap();
        for (path, text) in files {
            world.write(path, text);
        }
        world
    }

    /// Returns a copy of a captured node.
    pub(crate) fn copy_of(node: &Path) -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        lay(node, world.folder.path());
        world
    }

    pub(crate) fn copy(&self) -> Self {
        Self::copy_of(self.folder.path())
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn link(&self, path: &str, to: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(to, path).unwrap();
    }

    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_default()
    }

    pub(crate) fn config(&self, vmid: u32) -> String {
        self.text(&format!("fs/etc/pve/lxc/{vmid}.conf"))
    }

    pub(crate) fn node(&self) -> SimulatedNode {
        SimulatedNode::open(self.folder.path()).unwrap()
    }

    /// Returns every file of the folder with what it holds.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        read(self.folder.path(), "", &mut files);
        files
    }

    pub(crate) fn plan(&self, desired: &Desired) -> Result<Plan, Vec<Refusal>> {
        plan_on(desired, &mut self.node())
    }

    pub(crate) fn apply(&self, plan: &Plan) -> Report {
        apply(plan, &mut self.node(), &mut |_| Flow::Continue)
    }

    /// Plans and applies; fails when anything does.
    pub(crate) fn converge(&self, desired: &Desired) -> Plan {
        let plan = self.plan(desired).unwrap();
        assert_done(&plan, &self.apply(&plan));
        plan
    }
}

/// Fails when an action of a plan was not done.
pub(crate) fn assert_done(plan: &Plan, report: &Report) {
    assert!(report.is_success(), "{}\n{}", failures(report), shown(plan));
}

/// Returns what was not done, one a line.
pub(crate) fn failures(report: &Report) -> String {
    let failed = report.outcomes().iter().filter(|(_, outcome)| *outcome != Outcome::Done);
    failed.map(|(address, outcome)| format!("{address}: {}\n", outcome.message())).collect()
}

/// Observes a node and plans.
pub(crate) fn plan_on(desired: &Desired, node: &mut dyn Node) -> Result<Plan, Vec<Refusal>> {
    let facts = observe(desired, node);
    kind::plan(desired, &facts)
}

/// Returns the addresses of a plan's actions, in order.
pub(crate) fn addresses(plan: &Plan) -> Vec<String> {
    plan.steps().map(|step| step.action.address.to_string()).collect()
}

/// Returns the step with an address.
pub(crate) fn step<'a>(plan: &'a Plan, address: &str) -> Step<'a> {
    plan.steps().find(|step| step.action.address.as_str() == address).unwrap()
}

/// Returns the preview of a plan.
pub(crate) fn shown(plan: &Plan) -> String {
    preview::text(plan, &|_: &Origin| None)
}

/// Applies, telling of every event.
pub(crate) fn apply_telling(
    plan: &Plan,
    node: &mut dyn Node,
    tell: &mut dyn FnMut(Event<'_>) -> Flow,
) -> Report {
    apply(plan, node, tell)
}

/// Reads the operator's two files; `None` when there is an error in them.
pub(crate) fn declared(hypervisor: &Value, containers: &Value) -> Option<Desired> {
    declared_as(hypervisor.to_string(), containers.to_string())
}

/// Reads the operator's two files as they are written.
pub(crate) fn declared_as(hypervisor: String, containers: String) -> Option<Desired> {
    let texts =
        [(FileKind::Hypervisor, hypervisor.into()), (FileKind::Containers, containers.into())];
    load(&Sources { files: texts.into(), ..Sources::default() }, Strictness::Lenient).desired
}

/// Reads the operator's files of the example.
pub(crate) fn upgrade() -> Desired {
    let text =
        |kind: FileKind| fs::read_to_string(Path::new(UPGRADE).join(kind.file_name())).unwrap();
    let kinds = [FileKind::Hypervisor, FileKind::Containers];
    let sources = Sources::from(kinds.map(|kind| (kind, text(kind).into())));
    load(&sources, Strictness::Lenient).desired.unwrap()
}

fn read(folder: &Path, name: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            read(&entry.path(), &name, files);
        } else if let Ok(bytes) = fs::read(entry.path()) {
            files.insert(name, bytes);
        }
    }
}
