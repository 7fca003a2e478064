//! Traefik's program and its unit, when the node is not as it should be.

use crate::support::{Copy, compare};

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

/// Where the archive of a release is, which holds this text here.
const URL: &str = "https://example.com/traefik_linux_amd64.tar.gz";
const TEXT: &str = "a stand-in for the program\n";

fn declare(copy: &Copy, url: &str) {
    let file = "\"file\": \"/root/programs/traefik\"";
    let text = copy.read(CONFIG);
    assert!(text.contains(file));
    copy.write(CONFIG, &text.replace(file, &format!("\"url\": \"{url}\"")));
}

fn offer(copy: &Copy, text: &str) {
    let node = format!(", \"downloads\": {{ \"{URL}\": {text:?} }} }}");
    let head = copy.read("node/node.json");
    copy.write("node/node.json", &(head.trim_end().trim_end_matches('}').to_owned() + &node));
}

#[test]
fn an_archive_is_fetched_once() {
    let copy = Copy::of("traefik");
    declare(&copy, URL);
    offer(&copy, TEXT);
    let shown = copy.phoenix(&["plan", "--target", "lxc/102/traefik/program"]).exits(0);
    compare("cli", "traefik-from-an-archive", &shown.shown());
    let _ = copy.phoenix(&["apply", "--yes"]).exits(0);
    assert_eq!(copy.read(PROGRAM), TEXT);
    assert!(plan(&copy).starts_with("No changes."));
    // What is kept is known by its own digest, and brought again without the archive.
    copy.write(PROGRAM, "an older one\n");
    let shown = plan(&copy);
    assert!(
        shown.contains("it is another one than is declared") && !shown.contains("curl"),
        "{shown}"
    );
    let _ = copy.phoenix(&["apply", "--yes"]).exits(0);
    assert_eq!(copy.read(PROGRAM), TEXT);
}

#[test]
fn an_archive_of_another_digest_is_not_unpacked() {
    let copy = Copy::of("traefik");
    declare(&copy, URL);
    offer(&copy, "something else\n");
    let failed = copy.phoenix(&["apply", "--yes"]).exits(4).shown();
    assert!(
        failed.contains("lxc/102/traefik/service  blocked by lxc/102/traefik/program"),
        "{failed}"
    );
    let kept = copy.path().join("node/fs/var/lib/phoenix/programs");
    let names =
        std::fs::read_dir(kept.join("fetching")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["archive.tar.gz"]);
    assert!(!copy.path().join(PROGRAM).exists());
}

#[test]
fn what_cannot_be_an_address_is_refused() {
    let cases = [
        ("http://example.com/a.tar.gz", "not `https://…`"),
        ("https://user:secret@example.com/a.tar.gz", "a password would be seen"),
        ("https:///a.tar.gz", "not `https://…`"),
        ("https://example.com/a b.tar.gz", "not an address"),
    ];
    for (url, why) in cases {
        let copy = Copy::of("traefik");
        declare(&copy, url);
        let told = copy.bare(&["validate", "--config", "."]).exits(1).shown();
        assert!(
            told.contains("this cannot be the address of an archive") && told.contains(why),
            "{told}"
        );
    }
}
