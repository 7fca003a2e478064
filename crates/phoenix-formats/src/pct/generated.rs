//! The last step of every `pct set`: LXC's own configuration is made from the written file.
//!
//! When that fails the command fails, but the file has been written.

use super::node::NodeView;
use crate::lxc_conf::setting::DEVICE_SCHEMA;
use crate::lxc_conf::{Features, Section, volume};
use crate::property::check;

/// Returns why LXC's configuration cannot be made, if it cannot.
pub(super) fn check(main: &Section, node: &NodeView) -> Result<(), String> {
    // A template is not meant to start.
    if main.get("template") == Some("1") {
        return Ok(());
    }
    for key in ["arch", "ostype", "rootfs"] {
        main.get(key)
            .ok_or_else(|| format!("`{key}` is missing: the container could not start"))?;
    }
    main.get("features")
        .unwrap_or_default()
        .parse::<Features>()
        .map_err(|error| error.to_string())?;
    let root = main.get("rootfs").unwrap_or_default();
    volume::ROOT_SCHEMA.parse(root).map_err(|error| error.to_string())?;
    for (key, value) in main.entries() {
        if volume::index(key, "dev").is_some() {
            check_device(key, value, node)?;
        } else if is_net(key) {
            check_net(key, value, node)?;
        }
    }
    Ok(())
}

/// Any number will do here.
fn is_net(key: &str) -> bool {
    key.strip_prefix("net").is_some_and(check::is_digits)
}

fn check_device(key: &str, value: &str, node: &NodeView) -> Result<(), String> {
    let values = DEVICE_SCHEMA.parse(value).map_err(|error| error.to_string())?;
    let path = values.get("path").ok_or_else(|| format!("`{key}` names no device"))?;
    if node.devices.may_have(path) {
        Ok(())
    } else {
        Err(format!("`{key}`: there is no device `{path}`"))
    }
}

fn check_net(key: &str, value: &str, node: &NodeView) -> Result<(), String> {
    let net = node.stored_net(value).map_err(|error| format!("`{key}`: {error}"))?;
    let bridge = net.get("bridge").unwrap_or_default();
    let missing = || format!("`{key}`: there is no bridge `{bridge}`");
    let most = f64::from(node.bridges.get(bridge).ok_or_else(missing)?.mtu);
    let mtu = net.get("mtu").unwrap_or("0");
    check::in_range(mtu, (0.0, most))
        .map_err(|_| format!("`{key}`: its MTU is more than that of `{bridge}`"))
}
