//! A node of nothing but files, in memory.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_formats::firewall::{FwFile, Level, Names, ParsedRule, Scope};
use phoenix_planner::desired::Desired;
use phoenix_planner::kind;
use phoenix_planner::load::{Loaded, Strictness, load};
use phoenix_planner::operation::Operation;
use phoenix_planner::plan::{Action, Plan};
use phoenix_planner::probe::{Answer, Facts, Output, Probe};
use phoenix_planner::refusal::{Cause, Refusal};
use phoenix_planner::source::{FileKind, Sources};
use serde_json::{Value, json};

pub(crate) const CLUSTER: &str = "/etc/pve/firewall/cluster.fw";
pub(crate) const HOST: &str = "/etc/pve/local/host.fw";

/// The files of a node, and from where somebody is connected by ssh.
#[derive(Debug, Clone, Default)]
pub(crate) struct Node {
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) session: Option<&'static str>,
}

impl Node {
    /// Returns a node with a container and a virtual machine, and these files beside.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let guests = [
            ("/etc/pve/lxc/101.conf", "hostname: gateway\nmemory: 512\n"),
            (
                "/etc/pve/qemu-server/1001.conf",
                "memory: 512\nnet0: virtio=02:00:00:00:00:01,bridge=vmbr0\n",
            ),
        ];
        let files = guests.iter().chain(files);
        let files = files.map(|(at, text)| ((*at).to_owned(), (*text).to_owned())).collect();
        Self { files, session: None }
    }

    fn answer(&self, probe: &Probe) -> Answer {
        match probe {
            Probe::File(at) => match self.files.get(at.path.as_str()) {
                Some(text) => Answer::Text(text.clone()),
                None => Answer::Absent,
            },
            Probe::List(at) => Answer::Names(self.names(at.path.as_str())),
            Probe::Run { argv, .. } => {
                Answer::Ran(self.ran(&argv.iter().map(String::as_str).collect::<Vec<_>>()))
            }
        }
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let below = self.files.keys().filter_map(|at| at.strip_prefix(folder)?.strip_prefix('/'));
        let names = below.filter_map(|rest| Some(rest.split('/').next()?.to_owned()));
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn ran(&self, argv: &[&str]) -> Output {
        let said = match argv {
            ["ip", ..] => Some("[]".to_owned()),
            ["pct", "list"] => Some(String::new()),
            ["hostname"] => Some("pve".to_owned()),
            ["stat", ..] => Some("777".to_owned()),
            ["printenv", "SSH_CONNECTION"] => self.session.map(str::to_owned),
            _ => None,
        };
        let exit = i32::from(said.is_none());
        Output { exit, stdout: said.unwrap_or_default(), stderr: String::new() }
    }

    pub(crate) fn facts(&self, desired: &Desired) -> Facts {
        let mut facts = Facts::default();
        loop {
            let asked = kind::probes(desired, &facts);
            let new = asked.into_iter().filter(|probe| !facts.knows(probe)).collect::<Vec<_>>();
            if new.is_empty() {
                return facts;
            }
            for probe in new {
                let answer = self.answer(&probe);
                facts.insert(probe, answer);
            }
        }
    }

    pub(crate) fn plan(&self, desired: &Desired) -> Result<Plan, Vec<Refusal>> {
        kind::plan(desired, &self.facts(desired))
    }

    /// Does what an action of the firewall does, and insists that the file is as the plan says.
    pub(crate) fn perform(&mut self, action: &Action) {
        for operation in &action.operations {
            match operation {
                Operation::Write(write) => {
                    let at = write.at.path.as_str();
                    assert_eq!(self.files.get(at), write.before.as_ref(), "{at} is stale");
                    self.files.insert(at.to_owned(), write.after.clone());
                }
                Operation::Run(run) => assert!(["qm", "systemctl"].contains(&run.argv[0].as_str())),
                Operation::Check(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) fn cluster(&self) -> FwFile {
        FwFile::parse(Level::Cluster, self.text(CLUSTER), None)
    }

    pub(crate) fn host(&self) -> Option<FwFile> {
        let text = self.files.get(HOST)?;
        Some(FwFile::parse(Level::Host, text, Some(&self.cluster())))
    }

    pub(crate) fn text(&self, at: &str) -> &str {
        self.files.get(at).map_or("", String::as_str)
    }

    /// Returns the rules and entries that Proxmox VE does not apply, with the files that they are in.
    pub(crate) fn faults(&self) -> BTreeSet<String> {
        let cluster = self.cluster();
        let mut faults = BTreeSet::new();
        for (at, text) in self.files.iter().filter(|(at, _)| at.ends_with(".fw")) {
            let level = match at.as_str() {
                CLUSTER => Level::Cluster,
                HOST => Level::Host,
                _ => Level::Guest,
            };
            let file = FwFile::parse(level, text, Some(&cluster));
            faults.extend(faults_of(&file).into_iter().map(|fault| format!("{at}: {fault}")));
        }
        faults
    }
}

fn faults_of(file: &FwFile) -> Vec<String> {
    let group = Scope::group().with_cluster(Names::of(file));
    let bad = |rule: &&ParsedRule, scope: &Scope| {
        rule.rule.enabled && !(rule.errors.is_empty() && rule.rule.check(scope).is_empty())
    };
    let rules = file.rules().iter().filter(|rule| bad(rule, file.scope()));
    let grouped = file.groups().values().flatten().filter(|rule| bad(rule, &group));
    let entries = file.ipsets().values().flatten().filter(|entry| entry.error.is_some());
    let entries = entries.map(|entry| format!("{:?}", entry.cidr));
    rules.chain(grouped).map(|rule| rule.rule.to_string()).chain(entries).collect()
}

/// Reads what an operator of this node wants of its firewalls.
pub(crate) fn loaded(cluster: &Value, container: &Value, vm: &Value) -> Loaded {
    let interfaces = json!({ "name": "vmbr0", "address": "10.0.0.13/24" });
    let global = json!({ "network": { "interfaces": interfaces }, "firewall": cluster });
    let containers = json!({ "lxc_configs": { "101": { "firewall": container } } });
    let vms = json!({ "vms": [{ "vmid": 1001, "firewall": vm }] });
    let files =
        [(FileKind::Hypervisor, global), (FileKind::Containers, containers), (FileKind::Vms, vms)];
    let files = files.map(|(kind, value)| (kind, value.to_string()));
    load(&Sources::from(files.map(|(kind, text)| (kind, text.into()))), Strictness::Strict)
}

pub(crate) fn desired(cluster: &Value, container: &Value, vm: &Value) -> Desired {
    let loaded = loaded(cluster, container, vm);
    let problems = loaded.problems.iter().map(|p| p.message.clone()).collect::<Vec<_>>();
    loaded.desired.unwrap_or_else(|| panic!("{problems:?}"))
}

/// Returns the firewall's actions of a plan; a container's own are not about it.
pub(crate) fn actions(plan: &Plan) -> Vec<Action> {
    let steps = plan.steps().map(|step| step.action.clone());
    steps.filter(|action| action.address.as_str().starts_with("firewall/")).collect()
}

pub(crate) fn addresses(plan: &Plan) -> Vec<String> {
    actions(plan).iter().map(|action| action.address.to_string()).collect()
}

/// Applies a plan, insists that nothing is left, and returns the node with what was done.
pub(crate) fn settled(mut node: Node, desired: &Desired) -> (Node, Vec<String>) {
    let plan = node.plan(desired).unwrap();
    let steps = plan.steps().filter(|step| !step.action.address.as_str().starts_with("lxc/"));
    for step in steps {
        node.perform(step.action);
    }
    let again = node.plan(desired).unwrap();
    assert_eq!(addresses(&again), Vec::<String>::new());
    (node, addresses(&plan))
}

pub(crate) fn cluster(fields: Value) -> Desired {
    desired(&fields, &Value::Null, &Value::Null)
}

/// Returns the first refusal with where its cause stands.
#[track_caller]
pub(crate) fn refused(node: &Node, desired: &Desired) -> String {
    let refusals = node.plan(desired).expect_err("there is a plan");
    let place = match &refusals[0].cause {
        Cause::Declared(origin) => origin.pointer.clone() + ": ",
        Cause::File(..) | Cause::Node => String::new(),
    };
    format!("{place}{}", refusals[0])
}
