//! What holds for every operator file on every node.

use std::collections::BTreeSet;

use phoenix_applier::Outcome;
use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::pct::{self, Class, Live, NodeView, State};
use phoenix_planner::desired::Desired;
use phoenix_planner::operation::Operation;
use phoenix_planner::plan::{Action, Disruption, Edge, Plan};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::random::Case;
use crate::world::{World, addresses, assert_done, declared_as, shown};

/// How many cases each property is tried on: all of them take less than a minute in a debug build.
const CASES: u32 = 100;

fn config() -> ProptestConfig {
    ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() }
}

fn tape() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..260)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_second_plan_is_empty(tape in tape()) {
        let case = Case::of(tape);
        let world = case.world();
        let Some(desired) = case.desired() else { return Ok(()) };
        let Ok(plan) = world.plan(&desired) else { return Ok(()) };
        let before = world.copy();
        assert_classes(&plan, &world);
        if !is_done(&plan, &world) {
            return Ok(());
        }
        look_again(&plan, &world, &desired);
        let again = world.plan(&desired).unwrap();
        prop_assert!(again.is_empty(), "{}\nafter\n{}", shown(&again), shown(&plan));
        assert_foreign_kept(&before, &world);
    }

    #[test]
    fn a_plan_is_deterministic(tape in tape()) {
        let case = Case::of(tape);
        let (Some(desired), Some(turned)) = (case.desired(), turned(&case)) else {
            return Ok(());
        };
        let plan = |desired| case.world().plan(desired).map(|plan| shown(&plan));
        prop_assert_eq!(plan(&desired), plan(&desired));
        prop_assert_eq!(plan(&desired).ok(), plan(&turned).ok());
    }

    #[test]
    fn a_public_interface_comes_and_goes(tape in tape()) {
        let case = Case::of(tape);
        let (Some(on), Some(off)) = (case.with_public(true).desired(), case.with_public(false).desired()) else {
            return Ok(());
        };
        let world = case.world();
        let Ok(plan) = world.plan(&off) else { return Ok(()) };
        if !is_done(&plan, &world) {
            return Ok(());
        }
        let before = configs(&world);
        let Ok(plan) = world.plan(&on) else { return Ok(()) };
        if !is_done(&plan, &world) {
            return Ok(());
        }
        // An interface that was there already does not come back, and a restart takes what waits.
        let other = ["\nnet1:", "\nlxc.net.1.", "\nlxc.environment", "[pve:pending]"];
        if before.iter().any(|conf| other.iter().any(|words| conf.contains(words))) {
            return Ok(());
        }
        let plan = world.plan(&off).unwrap();
        if !is_done(&plan, &world) {
            return Ok(());
        }
        prop_assert_eq!(before, configs(&world), "{}", shown(&plan));
    }

    #[test]
    fn a_part_of_a_plan_is_a_plan(tape in tape()) {
        let case = Case::of(tape);
        let Some(desired) = case.desired() else { return Ok(()) };
        let Ok(plan) = case.world().plan(&desired) else { return Ok(()) };
        for step in plan.steps() {
            let address = [step.action.address.clone()];
            assert_closed(&plan, &plan.target(&address), &format!("target {}", address[0]));
            assert_closed(&plan, &plan.exclude(&address), &format!("exclude {}", address[0]));
            let without = plan.exclude(&address);
            prop_assert!(without.steps().all(|s| !s.action.address.is_within(&address[0])));
            let guests = step.action.guest.into_iter().collect::<Vec<_>>();
            assert_closed(&plan, &plan.for_guests(&guests), "guests");
        }
        let Some(step) = plan.steps().last() else { return Ok(()) };
        let world = case.world();
        let part = plan.target(std::slice::from_ref(&step.action.address));
        if !is_done(&part, &world) {
            return Ok(());
        }
        let plan = world.plan(&desired).unwrap();
        if !is_done(&plan, &world) {
            return Ok(());
        }
        look_again(&plan, &world, &desired);
        prop_assert!(world.plan(&desired).unwrap().is_empty());
    }
}

/// Applies; returns whether all was done. nginx alone may fail, and what proves that it listens: random
/// sites can be wrong, or on an address that the container loses.
fn is_done(plan: &Plan, world: &World) -> bool {
    let report = world.apply(plan);
    let is_nginx = |address: &str| address.contains("/nginx/") || address.ends_with("/proof");
    let failed = report.outcomes().iter().filter(|(_, outcome)| *outcome != Outcome::Done);
    let excused = failed.clone().any(|(address, _)| is_nginx(address.as_str()));
    if !excused {
        assert_done(plan, &report);
    }
    !excused
}

/// Applies once more where a container was started, which can only be looked into afterwards.
fn look_again(plan: &Plan, world: &World, desired: &Desired) {
    if addresses(plan).iter().any(|address| address.ends_with("/start")) {
        let _ = is_done(&world.plan(desired).unwrap(), world);
    }
}

/// Reads the case with all members of all objects in the other order.
fn turned(case: &Case) -> Option<Desired> {
    let containers = json!({"lxc_configs": case.containers});
    declared_as(backwards(&case.hypervisor), backwards(&containers))
}

/// Writes JSON with the members of objects from the last to the first.
fn backwards(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let member = |(name, value)| format!("{}:{}", json!(name), backwards(value));
            let members = members.iter().rev().map(member).collect::<Vec<_>>();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(backwards).collect::<Vec<_>>().join(","))
        }
        plain => plain.to_string(),
    }
}

fn configs(world: &World) -> Vec<String> {
    (101..=104).map(|vmid| LxcConf::parse(&world.config(vmid)).rewritten()).collect()
}

/// Everything that a part does still comes after everything that it needs.
fn assert_closed(whole: &Plan, part: &Plan, what: &str) {
    let kept = part.steps().map(|step| step.action).collect::<Vec<_>>();
    for step in whole.steps().filter(|step| kept.contains(&step.action)) {
        for (number, edge) in step.after() {
            let needed = whole.steps().nth(number - 1).unwrap().action;
            assert!(
                edge != Edge::Needs || kept.contains(&needed),
                "{what}: {} without {}\n{}",
                step.action.address,
                needed.address,
                shown(whole)
            );
        }
    }
}

/// The class that a preview shows is that of the node.
fn assert_classes(plan: &Plan, world: &World) {
    for action in plan.steps().map(|step| step.action) {
        let Some(vmid) = action.guest else { continue };
        let mut text = world.config(vmid.get());
        for operation in &action.operations {
            match operation {
                Operation::Write(write) if write.at.path.as_str().starts_with("/etc/pve/lxc") => {
                    text.clone_from(&write.after);
                }
                Operation::Run(run) if run.argv.starts_with(&["pct".into(), "set".into()]) => {
                    let state = State::Running(&Live { interfaces: None });
                    let view = NodeView::with_bridges(
                        ["vmbr0", "vmbr1"]
                            .map(|name| (name.to_owned(), pct::Bridge::new(1500)))
                            .into(),
                    );
                    let outcome = pct::set(&text, &run.argv[1..], &view, state);
                    for (key, class) in &outcome.classes {
                        assert_class(action, key, *class);
                    }
                    text = outcome.after;
                }
                _ => {}
            }
        }
    }
}

fn assert_class(action: &Action, key: &str, class: Class) {
    let of_key = |name: &str| name.split('.').next() == Some(key);
    let shown = action.attributes.iter().filter(|a| of_key(&a.name)).filter_map(|a| a.class);
    let wanted = match class {
        Class::Live => Disruption::Live,
        Class::Reconnect => Disruption::Reconnect,
        Class::Pending | Class::PendingSilent => Disruption::Pending,
        Class::Refused => panic!("{key} would be refused: {action:#?}"),
    };
    for shown in shown {
        assert_eq!(shown, wanted, "{key}: {action:#?}");
    }
}

/// What nobody declared is still there.
fn assert_foreign_kept(before: &World, after: &World) {
    for vmid in [101, 102, 103, 104, 900] {
        let (before, after) = (before.config(vmid), after.config(vmid));
        let (before, after) = (LxcConf::parse(&before), LxcConf::parse(&after));
        assert_eq!(before.description(), after.description());
        assert_eq!(format!("{:?}", before.snapshots()), format!("{:?}", after.snapshots()));
        for key in ["arch", "ostype", "rootfs", "tags", "mp0", "protection"] {
            assert_eq!(before.get(key), after.get(key), "{vmid} {key}");
        }
        for (key, value) in before.raw() {
            let ours = ["lxc.net.1.", "lxc.environment", "lxc.apparmor.profile"];
            let kept = after.raw().contains(&(key.clone(), value.clone()));
            assert!(kept || ours.iter().any(|name| key.starts_with(name)), "{vmid} {key}");
        }
    }
    let lines =
        |world: &World, path: &str| world.text(path).lines().map(str::to_owned).collect::<Vec<_>>();
    let nat = ["live/iptables.save", "fs/etc/iptables/rules.v4", "fs/etc/network/interfaces"];
    for path in nat {
        let foreign = |line: &String| !line.contains("10.0.0.11") && !line.contains("10.0.0.12");
        let keep =
            |world: &World| lines(world, path).into_iter().filter(foreign).collect::<Vec<_>>();
        assert_eq!(keep(before), keep(after), "{path}");
    }
    let firewalls = ["cluster", "101", "102", "103", "104"];
    for path in firewalls.map(|name| format!("fs/etc/pve/firewall/{name}.fw")) {
        let left = lines(after, &path).into_iter().collect::<BTreeSet<_>>();
        let rule = |line: &str| {
            ["IN ", "OUT ", "|", "GROUP ", "enable:", "policy"].iter().any(|w| line.starts_with(w))
        };
        let gone =
            lines(before, &path).into_iter().filter(|line| !rule(line) && !left.contains(line));
        assert_eq!(gone.collect::<Vec<_>>(), Vec::<String>::new(), "{path}");
    }
}
