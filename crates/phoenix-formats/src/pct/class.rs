//! How a changed setting of a running container takes effect.

use serde::Serialize;

use super::net_change;
use crate::lxc_conf::setting::Setting;
use crate::lxc_conf::volume;
use crate::property::check;

/// How a change to a running container takes effect, from the mildest to the hardest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Class {
    /// In force at once, without interruption.
    #[serde(rename = "live")]
    Live,
    /// In the file at once, in force after a restart, and listed nowhere as pending.
    #[serde(rename = "pending")]
    PendingSilent,
    /// In `[pve:pending]`, in force after a restart.
    #[serde(rename = "pending")]
    Pending,
    /// In force at once, while the link or the address is interrupted.
    #[serde(rename = "reconnect")]
    Reconnect,
    /// Not possible.
    #[serde(rename = "refused")]
    Refused,
}

impl Class {
    /// Returns the word for the class: `live`, `pending`, `reconnect` or `refused`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::PendingSilent | Self::Pending => "pending",
            Self::Reconnect => "reconnect",
            Self::Refused => "refused",
        }
    }
}

/// Returns how a running container takes a change of one key; `None` is a key that is not set.
///
/// The key is a setting such as `net1` or a raw key such as `lxc.net.1.link`. A lock, protection and
/// what the node lacks can refuse a change beyond this; a value that `pct` does not take is refused.
pub fn class_of(key: &str, old: Option<&str>, new: Option<&str>) -> Class {
    match Setting::find(key) {
        _ if old == new => Class::Live,
        _ if key.starts_with("lxc.") => Class::PendingSilent,
        None => Class::Refused,
        Some(setting) if new.is_some_and(|new| setting.accept(new).is_err()) => Class::Refused,
        Some(_) if is_fixed(key, new) => Class::Refused,
        Some(_) if volume::index(key, "net").is_some() => net_change::class_of(key, old, new),
        Some(_) => plain(key, old, new),
    }
}

/// Whether `pct set` never changes or never deletes the setting.
fn is_fixed(key: &str, new: Option<&str>) -> bool {
    match key {
        "unprivileged" => true,
        // A lock refuses every change, its own deletion too.
        "memory" | "rootfs" | "ostype" | "lock" => new.is_none(),
        "parent" | "snaptime" => new.is_some(),
        _ => false,
    }
}

fn plain(key: &str, old: Option<&str>, new: Option<&str>) -> Class {
    match key {
        "cpulimit" if new.is_some_and(is_no_limit) => Class::Refused,
        "hostname" => Class::PendingSilent,
        _ if is_fast(key) || is_resource(key) => Class::Live,
        _ if is_pluggable(key) && old.is_none() => Class::Live,
        _ if is_unused(key) && new.is_none() => Class::Live,
        _ => Class::Pending,
    }
}

/// A limit of 0 is written to the control group as a quota of 0, which the kernel refuses.
pub(super) fn is_no_limit(limit: &str) -> bool {
    check::number(limit).is_ok() && limit.parse::<f64>() == Ok(0.0)
}

/// Settings that only the node reads: the file is all there is to change.
pub(super) fn is_fast(key: &str) -> bool {
    let fast = [
        "cores",
        "description",
        "hookscript",
        "hostname",
        "lock",
        "onboot",
        "protection",
        "startup",
        "tags",
    ];
    fast.contains(&key)
}

/// Settings that are limits of the container's control group.
pub(super) fn is_resource(key: &str) -> bool {
    matches!(key, "memory" | "swap" | "cpulimit" | "cpuunits")
}

/// Mount points and devices: a new one is attached at once.
pub(super) fn is_pluggable(key: &str) -> bool {
    volume::is_mount_point(key) || volume::index(key, "dev").is_some()
}

pub(super) fn is_unused(key: &str) -> bool {
    volume::index(key, "unused").is_some()
}
