//! The JSON Schemas: what phoenix takes must pass them, and they must say no where they can.

use std::path::Path;

use phoenix_planner::schema::schema;
use phoenix_planner::source::FileKind;
use serde_json::{Value, json};

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

fn validator(kind: FileKind) -> jsonschema::Validator {
    let schema = serde_json::from_str(&schema(kind)).expect("a schema is JSON");
    jsonschema::draft202012::meta::validate(&schema).expect("a schema is one of its draft");
    jsonschema::draft202012::new(&schema).expect("a schema has no reference to elsewhere")
}

fn faults(kind: FileKind, value: &Value) -> Vec<String> {
    let validator = validator(kind);
    validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

#[expect(clippy::disallowed_methods, reason = "tests read their cases")]
fn upstream(kind: FileKind) -> Value {
    let path = Path::new(CRATE).join("tests/upstream").join(kind.file_name());
    let text = std::fs::read_to_string(path).expect("the file is there");
    serde_json::from_str(&text).expect("the file is JSON")
}

#[test]
fn a_real_operators_files_pass_their_schemas() {
    for kind in FileKind::ALL {
        assert_eq!(faults(kind, &upstream(kind)), Vec::<String>::new(), "{kind:?}");
    }
}

fn container(fields: Value) -> Value {
    json!({ "lxc_configs": { "101": fields } })
}

#[test]
fn what_load_takes_passes() {
    let taken = [
        container(
            json!({ "dependencies": [103, "104"], "clone_from_ctid": 900, "memory_mb": null }),
        ),
        container(
            json!({ "network_config": { "ip": "dhcp", "nameservers": ["1.1.1.1", "8.8.8.8"] } }),
        ),
        container(
            json!({ "firewall": { "rules": [{ "type": "in", "action": "DROP", "port": 22 }] } }),
        ),
        container(json!({ "lxc_options": ["lxc.mount.auto:sys:rw", "lxc.cap.drop ="] })),
        container(json!({ "public_interface": null, "unknown": [1] })),
        json!({ "lxc_configs": { "101": null } }),
    ];
    for value in taken {
        assert_eq!(faults(FileKind::Containers, &value), Vec::<String>::new(), "{value}");
    }
}

#[test]
fn what_load_refuses_by_form_fails() {
    let refused = [
        json!({ "lxc_configs": { "0101": {} } }),
        json!({ "lxc_configs": [] }),
        container(json!({ "memory_mb": 15 })),
        container(json!({ "memory_mb": "2048" })),
        container(json!({ "cores": 8193 })),
        container(json!({ "name": "-nginx" })),
        container(json!({ "mac_address": "01:00:5e:00:00:01" })),
        container(json!({ "public_interface": { "mode": "passthru" } })),
        container(json!({ "public_interface": { "ip": "dhcp" } })),
        container(json!({ "public_interface": { "nginx_sites": ["gateway"] } })),
        container(json!({ "network_config": { "name": "an-interface-name" } })),
        container(json!({ "firewall": { "policy_in": "drop" } })),
        container(json!({ "dependencies": [null] })),
    ];
    for value in refused {
        assert!(!faults(FileKind::Containers, &value).is_empty(), "{value} passes");
    }
}

#[test]
fn schemas_read_well() {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(Path::new(CRATE).join("../../snapshots/schema"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for kind in FileKind::ALL {
        let name = kind.file_name().trim_end_matches(".json");
        settings.bind(|| insta::assert_snapshot!(name, schema(kind)));
    }
}
