//! The example of the upgrade, applied, and what its checks find.

use std::fs;
use std::path::{Path, PathBuf};

use phoenix_applier::{Flow, Network, Patience, SimulatedNode, apply, observe, verify};
use phoenix_planner::desired::Desired;
use phoenix_planner::kind;
use phoenix_planner::load::{Strictness, load};
use phoenix_planner::source::{FileKind, Sources};
use phoenix_planner::verify::{Check, Finding, Outcome, Standing, checks};

use crate::folders::lay;

/// Asks once: a folder does not change by being waited for.
pub(crate) const ONCE: Patience = Patience { attempts: 1, pause: 0 };

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/macvlan-upgrade")
}

/// Returns what the operator of the example wants.
pub(crate) fn desired() -> Desired {
    let mut sources = Sources::default();
    for kind in FileKind::ALL {
        let Ok(text) = fs::read_to_string(example().join(kind.file_name())) else { continue };
        sources.files.insert(kind, text.into());
    }
    load(&sources, Strictness::Strict).desired.expect("the example is right")
}

/// The node of the example after the apply.
pub(crate) struct Applied {
    folder: tempfile::TempDir,
    pub(crate) desired: Desired,
}

impl Applied {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        lay(&example().join("node"), folder.path());
        let applied = Self { folder, desired: desired() };
        let mut node = applied.node();
        let facts = observe(&applied.desired, &mut node);
        let plan = kind::plan(&applied.desired, &facts).expect("there is a plan");
        let report = apply(&plan, &mut node, &mut |_| Flow::Continue);
        assert!(report.is_success(), "{report:?}");
        applied
    }

    pub(crate) fn node(&self) -> SimulatedNode {
        SimulatedNode::open(self.folder.path()).unwrap()
    }

    /// Returns a file's text.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder.path().join(path)).unwrap()
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Returns all checks, as they are made on the node itself.
    pub(crate) fn checks(&self) -> Vec<Check> {
        let facts = observe(&self.desired, &mut self.node());
        checks(&self.desired, &facts, Standing::Node).unwrap()
    }

    /// Returns what the checks find. A question that the folder cannot answer counts as not asked.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        verify(self.checks(), Some(&mut self.node()), &Network, Standing::Captured, ONCE)
    }

    /// Returns the addresses and messages of the checks that fail.
    pub(crate) fn failures(&self) -> Vec<(String, String)> {
        failures(&self.findings())
    }
}

/// Returns the addresses and messages of the findings that failed.
pub(crate) fn failures(findings: &[Finding]) -> Vec<(String, String)> {
    let failed = |finding: &Finding| match &finding.outcome {
        Outcome::Failed(why) => Some((finding.check.address.to_string(), why.clone())),
        Outcome::Fine | Outcome::Skipped(_) => None,
    };
    findings.iter().filter_map(failed).collect()
}

/// Asserts that exactly one check fails, with this message.
#[track_caller]
pub(crate) fn only(failures: &[(String, String)], address: &str, message: &str) {
    assert_eq!(failures, [(address.to_owned(), message.to_owned())]);
}
