//! The users of a guest, as the node counts them: its id maps, see user_namespaces(7).

use rustix::fs::{Gid, Stat, Uid};
use rustix::io::Errno;

/// A guest's users and groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ids {
    users: Vec<Range>,
    groups: Vec<Range>,
}

/// One line of an id map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    inside: u32,
    outside: u32,
    count: u32,
}

impl Ids {
    /// Reads the texts of `/proc/<pid>/uid_map` and `gid_map`; lines of another form are left out.
    pub(super) fn parse(users: &str, groups: &str) -> Self {
        let ranges = |text: &str| text.lines().filter_map(Range::parse).collect();
        Self { users: ranges(users), groups: ranges(groups) }
    }

    /// Returns the ids of a guest that has the user namespace of the caller: they are the same on both sides.
    pub(super) fn shared(self) -> Self {
        let same = |ranges: Vec<Range>| {
            ranges.into_iter().map(|range| Range { outside: range.inside, ..range }).collect()
        };
        Self { users: same(self.users), groups: same(self.groups) }
    }

    /// Returns who root in the guest is on the node.
    pub(super) fn root(&self) -> Option<(Uid, Gid)> {
        let outside = |ranges: &[Range]| {
            ranges.iter().find(|range| range.inside == 0 && range.count > 0).map(|r| r.outside)
        };
        Some((Uid::from_raw(outside(&self.users)?), Gid::from_raw(outside(&self.groups)?)))
    }

    /// Returns whether the file's owner and group exist in the guest, which is when the guest's own
    /// root may do what it likes with the file.
    pub(super) fn own(&self, file: &Stat) -> bool {
        let has = |ranges: &[Range], id: u32| ranges.iter().any(|range| range.has(id));
        has(&self.users, file.st_uid) && has(&self.groups, file.st_gid)
    }

    /// Refuses to change what the guest's own root could not: else a symbolic link in the guest into a
    /// folder that the node lends it would borrow the node's root.
    pub(super) fn allow_change(&self, file: &Stat) -> Result<(), Errno> {
        if self.own(file) { Ok(()) } else { Err(Errno::PERM) }
    }

    /// Returns whether the guest itself could read the file: by owner, or because everyone can.
    pub(super) fn may_read(&self, file: &Stat) -> bool {
        self.own(file) || file.st_mode & 0o004 != 0
    }
}

impl Range {
    fn parse(line: &str) -> Option<Self> {
        let mut numbers = line.split_ascii_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self { inside: next()?, outside: next()?, count: next()? })
    }

    fn has(self, id: u32) -> bool {
        id.checked_sub(self.outside).is_some_and(|offset| offset < self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_found_in_any_line() {
        let map = " 1000 1000 1\n 0 100000 1000\n junk\n 1001 101001 64535\n";
        let ids = Ids::parse(map, map);
        let (user, group) = ids.root().unwrap();
        assert_eq!((user.as_raw(), group.as_raw()), (100_000, 100_000));
        assert!(ids.users.iter().any(|range| range.has(1000)));
        assert!(!ids.users.iter().any(|range| range.has(0)), "the node's root is not in the guest");
    }

    #[test]
    fn a_map_without_root_has_no_root() {
        assert_eq!(Ids::parse("1 2 3", "0 0 0").root(), None);
        assert_eq!(Ids::parse("", "").root(), None);
    }

    #[test]
    fn a_privileged_guest_has_all_users() {
        let ids = Ids::parse("0 0 4294967295", "0 0 4294967295");
        assert!(ids.users[0].has(0) && ids.users[0].has(u32::MAX - 1));
    }

    #[test]
    fn a_guest_that_shares_the_users_has_the_same_on_both_sides() {
        let text = "0 65534 1\n";
        let ids = Ids::parse(text, text);
        assert_eq!(ids.root(), Some((Uid::from_raw(65534), Gid::from_raw(65534))));
        assert_eq!(ids.shared().root(), Some((Uid::ROOT, Gid::ROOT)));
    }
}
