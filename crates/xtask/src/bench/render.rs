//! The files of one container as a node has them, from what the operator's JSON says of it.
//!
//! The fleet is made with it, and the baseline compares with it: it knows only what a fleet has.

use serde_json::Value;

/// Returns the path of a container's configuration below a node's root.
pub(crate) fn conf_path(vmid: &str) -> String {
    format!("etc/pve/lxc/{vmid}.conf")
}

/// Returns the path of a container's firewall file below a node's root.
pub(crate) fn rules_path(vmid: &str) -> String {
    format!("etc/pve/firewall/{vmid}.fw")
}

/// Returns the configuration of a container: 16 lines.
pub(crate) fn conf(vmid: &str, declared: &Value) -> String {
    let text = |key: &str| declared[key].as_str().unwrap_or_default();
    let number = |key: &str| declared[key].as_u64().unwrap_or_default();
    let network = |key: &str| declared["network_config"][key].as_str().unwrap_or_default();
    [
        "arch: amd64\n".to_owned(),
        format!("cores: {}\n", number("cores")),
        format!("features: {}\n", declared["pct_options"][0].as_str().unwrap_or_default()),
        format!("hostname: {}\n", text("name")),
        format!("memory: {}\n", number("memory_mb")),
        format!("nameserver: {}\n", network("nameservers")),
        format!(
            "net0: name={},bridge={},firewall=1,gw={},hwaddr={},ip={},type=veth\n",
            network("name"),
            network("bridge"),
            network("gw"),
            text("mac_address"),
            network("ip"),
        ),
        format!("onboot: {}\n", u8::from(declared["start_at_boot"] == true)),
        "ostype: ubuntu\n".to_owned(),
        format!("rootfs: local-lvm:vm-{vmid}-disk-0,size=16G\n"),
        format!("startup: order={},up={},down=5\n", number("boot_order"), number("boot_delay")),
        format!("swap: {}\n", number("swap_mb")),
        "tags: fleet\ntimezone: host\nunprivileged: 1\nlxc.apparmor.profile: unconfined\n"
            .to_owned(),
    ]
    .concat()
}

/// Returns the firewall file of a container: one line for each rule.
pub(crate) fn rules(declared: &Value) -> String {
    let rules = declared["firewall"]["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rules = rules.iter().map(|rule| {
        let text = |key: &str| rule[key].as_str().unwrap_or_default();
        let direction = text("type").to_uppercase();
        format!(
            "{direction} {} -source {} -p {} -dport {} # {}\n",
            text("action"),
            text("source"),
            text("proto"),
            text("port"),
            text("comment"),
        )
    });
    let enabled = u8::from(declared["firewall"]["enabled"] == true);
    format!("[OPTIONS]\n\nenable: {enabled}\n\n[RULES]\n\n{}", rules.collect::<String>())
}
