//! Which raw `lxc.*` keys Proxmox VE keeps.

/// What becomes of a raw key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RawKey {
    /// Kept as it is.
    Kept,
    /// Kept with a warning.
    Deprecated(&'static str),
    /// Not kept, for this reason.
    Refused(&'static str),
    /// Not kept, because it is not known.
    Unknown,
}

/// Keys below these are kept whatever follows.
const FREE: [&str; 3] = ["lxc.cgroup2.", "lxc.prlimit.", "lxc.net."];

/// Keys that are kept exactly as they are spelled, sorted for the search.
static KEPT: [&str; 58] = [
    "lxc.apparmor.allow_incomplete",
    "lxc.apparmor.allow_nesting",
    "lxc.apparmor.profile",
    "lxc.apparmor.raw",
    "lxc.arch",
    "lxc.autodev",
    "lxc.cap.drop",
    "lxc.cap.keep",
    "lxc.console.logfile",
    "lxc.console.path",
    "lxc.devtty.dir",
    "lxc.environment",
    "lxc.environment.hooks",
    "lxc.environment.runtime",
    "lxc.group",
    "lxc.hook.autodev",
    "lxc.hook.clone",
    "lxc.hook.destroy",
    "lxc.hook.mount",
    "lxc.hook.post-stop",
    "lxc.hook.pre-mount",
    "lxc.hook.pre-start",
    "lxc.hook.start",
    "lxc.hook.stop",
    "lxc.hook.version",
    "lxc.idmap",
    "lxc.include",
    "lxc.init.cmd",
    "lxc.init.cwd",
    "lxc.kmsg",
    "lxc.log.file",
    "lxc.log.level",
    "lxc.mount.auto",
    "lxc.mount.entry",
    "lxc.mount.fstab",
    "lxc.pty.max",
    "lxc.rootfs.mount",
    "lxc.seccomp.notify.cookie",
    "lxc.seccomp.notify.proxy",
    "lxc.seccomp.profile",
    "lxc.selinux.context",
    "lxc.signal.halt",
    "lxc.signal.reboot",
    "lxc.signal.stop",
    "lxc.start.auto",
    "lxc.start.delay",
    "lxc.start.order",
    "lxc.sysctl.fs.mqueue",
    "lxc.sysctl.kernel.msgmax",
    "lxc.sysctl.kernel.msgmnb",
    "lxc.sysctl.kernel.msgmni",
    "lxc.sysctl.kernel.sem",
    "lxc.sysctl.kernel.shm_rmid_forced",
    "lxc.sysctl.kernel.shmall",
    "lxc.sysctl.kernel.shmmax",
    "lxc.sysctl.kernel.shmmni",
    "lxc.tty.max",
    "lxc.uts.name",
];

/// Names that LXC 3.0 dropped, still kept, sorted for the search.
static RENAMED: [&str; 29] = [
    "lxc.aa_allow_incomplete",
    "lxc.aa_profile",
    "lxc.console",
    "lxc.devttydir",
    "lxc.haltsignal",
    "lxc.id_map",
    "lxc.init_cmd",
    "lxc.logfile",
    "lxc.loglevel",
    "lxc.mount",
    "lxc.network.flags",
    "lxc.network.hwaddr",
    "lxc.network.ipv4",
    "lxc.network.ipv4.gateway",
    "lxc.network.ipv6",
    "lxc.network.ipv6.gateway",
    "lxc.network.link",
    "lxc.network.mtu",
    "lxc.network.name",
    "lxc.network.script.down",
    "lxc.network.script.up",
    "lxc.network.type",
    "lxc.pts",
    "lxc.rebootsignal",
    "lxc.se_context",
    "lxc.seccomp",
    "lxc.stopsignal",
    "lxc.tty",
    "lxc.utsname",
];

impl RawKey {
    /// Returns what Proxmox VE does with this key.
    pub(super) fn of(key: &str) -> Self {
        match key {
            "lxc.rootfs.path" => Self::Refused("it is made from `rootfs`"),
            "lxc.rootfs.options" => Self::Refused("mount options belong into `rootfs`"),
            _ if key.starts_with("lxc.limit.") => {
                Self::Deprecated("LXC calls these keys `lxc.prlimit.*` since version 3.0")
            }
            _ if key.starts_with("lxc.cgroup.") => {
                Self::Deprecated("cgroup v1 is gone: use `lxc.cgroup2.*`")
            }
            _ if RENAMED.binary_search(&key).is_ok() => {
                Self::Deprecated("LXC has another name for this key since version 3.0")
            }
            _ if FREE.iter().any(|prefix| key.starts_with(prefix)) => Self::Kept,
            _ if KEPT.binary_search(&key).is_ok() => Self::Kept,
            _ => Self::Unknown,
        }
    }
}
