//! Traefik's program and its unit, when the node is not as it should be.

use crate::support::Copy;

const PROGRAM: &str = "node/guests/102/fs/usr/local/bin/traefik";
const SOURCE: &str = "node/fs/root/programs/traefik";
const UNIT: &str = "node/guests/102/fs/etc/systemd/system/traefik.service";
const MODES: &str = "node/live/guests/102/attributes";
const CONFIG: &str = "phoenix_hypervisor_config.json";

fn plan(copy: &Copy) -> String {
    copy.phoenix(&["plan"]).exits(0).stdout
}

fn settled() -> Copy {
    let copy = Copy::of("traefik");
    let _ = copy.phoenix(&["apply", "--yes"]).exits(0);
    assert!(plan(&copy).starts_with("No changes."));
    copy
}

#[test]
fn a_program_that_is_another_one_than_declared_is_not_brought() {
    let copy = Copy::of("traefik");
    copy.write(SOURCE, "something else\n");
    let plan = plan(&copy);
    assert!(
        plan.contains("/root/programs/traefik of the node is not the program that is declared"),
        "{plan}"
    );
    assert!(plan.contains("lxc/102/traefik/service  waits for its program"), "{plan}");
    assert!(!plan.contains("pct push"), "{plan}");
}

#[test]
fn a_plan_is_for_the_program_that_was_there() {
    let copy = Copy::of("traefik");
    let _ = copy.phoenix(&["plan", "--out", "it.plan"]).exits(0);
    let text = copy.read(SOURCE);
    copy.write(SOURCE, "something else\n");
    let _ = copy.phoenix(&["apply", "it.plan", "--yes"]).exits(3);
    assert!(!copy.path().join(PROGRAM).exists());
    copy.write(SOURCE, &text);
    let _ = copy.phoenix(&["apply", "it.plan", "--yes"]).exits(0);
    assert_eq!(copy.read(PROGRAM), text);
}

#[test]
fn its_mode_and_a_missing_source_cost_no_restart() {
    let copy = settled();
    copy.write(MODES, "777 100:0 /usr/local/bin/traefik\n");
    std::fs::remove_file(copy.path().join(SOURCE)).unwrap();
    let shown = plan(&copy);
    assert!(shown.contains("~ mode = 777 100:0 → 755 0:0"), "{shown}");
    assert!(!shown.contains("restart"), "{shown}");
    let _ = copy.phoenix(&["apply", "--yes"]).exits(0);
    assert_eq!(copy.read(MODES), "755 0:0 /usr/local/bin/traefik\n");
}

#[test]
fn somebody_elses_unit_stays() {
    let copy = settled();
    let own = "[Service]\nExecStart=/opt/traefik\n";
    copy.write(UNIT, own);
    assert!(plan(&copy).starts_with("No changes."));
    copy.write(PROGRAM, "an older one\n");
    let shown = plan(&copy);
    assert!(shown.contains("note: traefik.service is not phoenix's"), "{shown}");
    let _ = copy.phoenix(&["apply", "--yes"]).exits(0);
    assert_eq!(copy.read(UNIT), own);
}

#[test]
fn what_is_no_longer_declared_is_left_alone() {
    let copy = settled();
    let (head, rest) = {
        let text = copy.read(CONFIG);
        let at = text.find(",\n    \"traefik\"").unwrap();
        (text[..at].to_owned(), "\n}\n")
    };
    copy.write(CONFIG, &(head + rest));
    let unit = copy.read(UNIT).replace("UMask=0077\n", "");
    copy.write(UNIT, &unit);
    assert!(plan(&copy).starts_with("No changes."));
}
