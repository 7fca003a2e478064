//! Ids of containers: what root is granted, and whose files are whose on the node.

use crate::support::Copy;

const SUBGID: &str = "node/fs/etc/subgid";
const TRUST_101: &str = "node/fs/etc/pve/lxc/101.conf";

fn plan(copy: &Copy, target: &str) -> String {
    copy.phoenix(&["plan", "--target", target]).exits(0).stdout
}

#[test]
fn only_what_root_lacks_is_added() {
    let copy = Copy::of("trust");
    let enough = [
        "root:33:1\nroot:100000:65536",
        "0:0:200000\n",
        "root:100000:70000\nroot:30:3\nroot:33:2\n",
    ];
    for text in enough {
        copy.write(SUBGID, text);
        assert!(plan(&copy, "subid/groups").starts_with("No changes."), "{text:?}");
    }
    // Neither another's line, nor one that newgidmap skips, nor a part of it is enough.
    let cases = [
        ("", "root:33:1\nroot:100000:65536\n"),
        (
            "# root:33:1\nuser:33:1\nroot:100000:65536",
            "# root:33:1\nuser:33:1\nroot:100000:65536\nroot:33:1\n",
        ),
        ("root:33:1\r\nroot:100000:65536\n", "root:33:1\r\nroot:100000:65536\nroot:33:1\n"),
        ("root:33:1\nroot:100000:1000\n", "root:33:1\nroot:100000:1000\nroot:101000:64536\n"),
    ];
    for (before, after) in cases {
        copy.write(SUBGID, before);
        let _ = copy.phoenix(&["apply", "--yes", "--target", "subid/groups"]).exits(0);
        assert_eq!(copy.read(SUBGID), after, "{before:?}");
        assert!(plan(&copy, "subid/groups").starts_with("No changes."), "{before:?}");
    }
}

#[test]
fn a_container_is_not_started_without_its_ids() {
    let copy = Copy::of("trust");
    copy.write(SUBGID, "root:100000:65536\n");
    let config = "phoenix_lxc_configs.json";
    let text = copy
        .read(config)
        .replace("\"name\": \"web\",", "\"name\": \"web\", \"start_at_boot\": true,");
    copy.write(config, &text);
    copy.write("node/node.json", &copy.read("node/node.json").replace("\"101\", ", ""));
    let alone = copy.phoenix(&["start", "101", "--yes"]);
    let why = "container 101 does not start: root is not granted 1 ids from 33 on";
    assert!(alone.shown().contains(why), "{}", alone.shown());
    // A target brings what it needs.
    let start = plan(&copy, "lxc/101/start");
    let rows = start.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>();
    assert!(rows.first().is_some_and(|row| row.contains("~ subid/groups")), "{start}");
    assert!(rows.last().is_some_and(|row| row.contains("! lxc/101/start")), "{start}");
}

#[test]
fn an_id_without_a_number_on_the_node_owns_nothing() {
    let copy = Copy::of("trust");
    let config = "phoenix_lxc_configs.json";
    let declared = "            \"id_maps\": [{ \"type\": \"gid\", \"host_id\": 33, \"container_id\": 33 }],\n";
    let text = copy.read(config);
    assert!(text.contains(declared));
    copy.write(config, &text.replace(declared, ""));
    // Its own lines count then.
    let own = plan(&copy, "certificate/web.internal.example.com");
    assert!(own.contains("--user 100000 --group 33\n"), "{own}");
    copy.write(TRUST_101, &copy.read(TRUST_101).replace("lxc.idmap: g 33 33 1\n", ""));
    let plan = copy.phoenix(&["plan"]).exits(0).stdout;
    let why = "group 33 of the container has no number on the node: its id map leaves it out";
    assert!(plan.contains(why), "{plan}");
    assert!(!plan.contains("/web.crt"), "{plan}");
    // A privileged container's ids are the node's.
    let lines = copy.read(TRUST_101);
    let privileged = lines
        .lines()
        .filter(|line| !line.starts_with("lxc.idmap") && !line.starts_with("unprivileged"));
    copy.write(TRUST_101, &privileged.map(|line| format!("{line}\n")).collect::<String>());
    let own = self::plan(&copy, "certificate/web.internal.example.com");
    assert!(own.contains("--user 0 --group 33\n"), "{own}");
}

#[test]
fn a_declared_map_replaces_another() {
    let copy = Copy::of("containers");
    let file = "node/fs/etc/pve/lxc/101.conf";
    let other = "lxc.idmap: u 0 200000 65536\nlxc.idmap: g 0 200000 65536\n";
    copy.write(file, &(copy.read(file) + other));
    let plan = copy.phoenix(&["plan"]).exits(0).stdout;
    for line in
        ["- lxc.idmap = u 0 200000 65536", "- lxc.idmap = g 0 200000 65536", "+ owner = 100033:33"]
    {
        assert!(plan.contains(line), "{line}: {plan}");
    }
    assert!(plan.contains("files of group 33 keep their number 200033 on the node"), "{plan}");
    let _ = copy.phoenix(&["apply", "--yes"]);
    let after = copy.read(file);
    let lines = after.lines().filter(|line| line.starts_with("lxc.idmap")).collect::<Vec<_>>();
    let whole = ["u 0 100000 65536", "g 0 100000 33", "g 33 33 1", "g 34 100034 65502"];
    assert_eq!(lines, whole.map(|line| format!("lxc.idmap: {line}")));
}

#[test]
fn the_owner_of_a_folder_that_no_map_has_is_told() {
    let copy = Copy::of("containers");
    let config = "phoenix_lxc_configs.json";
    let text = copy.read(config).replace("\"owner_gid\": 33", "\"owner_gid\": 70000");
    copy.write(config, &text);
    let told = copy.bare(&["validate", "--config", "."]).exits(0).shown();
    assert!(told.contains("group 70000 has no number on the node"), "{told}");
    let run = copy.phoenix(&["plan"]).exits(0);
    let why = "`/srv/logs` is not mounted: group 70000 of the container has no number on the node: its id map leaves it out";
    assert!(run.stdout.contains(why), "{}", run.stdout);
    assert!(!run.stdout.contains("/srv/logs,mp="), "{}", run.stdout);
}
