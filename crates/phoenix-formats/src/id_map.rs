//! Which users and groups of a container are which on the node: `lxc.idmap` of lxc.container.conf(5).
//!
//! Owns the map of one container, and the question which number an id has on the node. Deliberately not understood:
//! what /proc says of a container that runs, which may still have the map of its last start; and mounts with a map of
//! their own.

use crate::lxc_conf::LxcConf;

/// How far an unprivileged container's ids are shifted where nothing maps them (pct(1)).
pub const SHIFT: u32 = 100_000;

/// How many ids an unprivileged container has where nothing maps them.
pub const IDS: u32 = 65_536;

/// The keys of a line; the second is that of LXC before 2.1, which Proxmox VE still reads.
const KEYS: [&str; 2] = ["lxc.idmap", "lxc.id_map"];

/// What an id is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdKind {
    /// A user.
    User,
    /// A group.
    Group,
}

/// Ids in a row: one line of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappedIds {
    /// The first one in the container.
    pub inside: u32,
    /// The first one on the node.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

impl MappedIds {
    fn on_node(self, id: u32) -> Option<u32> {
        let offset = id.checked_sub(self.inside).filter(|offset| *offset < self.count)?;
        self.outside.checked_add(offset)
    }
}

/// The users and groups of a container, as the node numbers them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdMap {
    users: Vec<MappedIds>,
    groups: Vec<MappedIds>,
}

impl IdMap {
    /// Reads the values of `lxc.idmap` lines, such as `u 0 100000 65536`.
    ///
    /// One of another form maps nothing: Proxmox VE does not start the container then.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut map = Self::default();
        for (kind, ids) in values.into_iter().filter_map(read) {
            match kind {
                IdKind::User => map.users.push(ids),
                IdKind::Group => map.groups.push(ids),
            }
        }
        map
    }

    /// Returns the map of a container: its lines, else that of all unprivileged ones, else none is mapped.
    pub fn of(conf: &LxcConf) -> Self {
        let lines = conf.raw().iter().filter(|(key, _)| KEYS.contains(&key.as_str()));
        let lines = lines.map(|(_, value)| value.as_str()).collect::<Vec<_>>();
        match lines.is_empty() {
            false => Self::parse(lines),
            true if conf.get("unprivileged") == Some("1") => Self::shifted(),
            true => Self::same(),
        }
    }

    /// Returns the map of an unprivileged container without lines of its own.
    pub fn shifted() -> Self {
        let all = vec![MappedIds { inside: 0, outside: SHIFT, count: IDS }];
        Self { users: all.clone(), groups: all }
    }

    /// Returns the map of a privileged container: every id is the node's own.
    pub fn same() -> Self {
        let all = vec![MappedIds { inside: 0, outside: 0, count: u32::MAX }];
        Self { users: all.clone(), groups: all }
    }

    /// Returns the mapped ids in the order of their lines.
    pub fn ids(&self, kind: IdKind) -> &[MappedIds] {
        match kind {
            IdKind::User => &self.users,
            IdKind::Group => &self.groups,
        }
    }

    /// Returns the number on the node of an id in the container; `None` when the container does not have it.
    pub fn on_node(&self, kind: IdKind, id: u32) -> Option<u32> {
        self.ids(kind).iter().find_map(|ids| ids.on_node(id))
    }
}

fn read(value: &str) -> Option<(IdKind, MappedIds)> {
    let mut words = value.split_ascii_whitespace();
    let kind = match words.next()? {
        "u" => IdKind::User,
        "g" => IdKind::Group,
        _ => return None,
    };
    let mut number = || words.next()?.parse::<u32>().ok();
    let ids = MappedIds { inside: number()?, outside: number()?, count: number()? };
    words.next().is_none().then_some((kind, ids))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, cases: &[(IdKind, u32, Option<u32>)]) {
        let map = IdMap::of(&LxcConf::parse(text));
        for (kind, id, expected) in cases {
            assert_eq!(map.on_node(*kind, *id), *expected, "{kind:?} {id} of {text:?}");
        }
    }

    #[test]
    fn ids_are_those_of_the_lines_else_of_the_kind_of_container() {
        use IdKind::{Group, User};
        let whole = "unprivileged: 1\nlxc.idmap: u 0 100000 65536\nlxc.idmap: g 0 100000 33\n\
                     lxc.idmap: g 33 33 1\nlxc.idmap: g 34 100034 65502\n";
        check(
            whole,
            &[(User, 33, Some(100_033)), (Group, 33, Some(33)), (Group, 34, Some(100_034))],
        );
        check(whole, &[(Group, 32, Some(100_032)), (Group, 65_536, None), (User, u32::MAX, None)]);
        let all = [(User, 0, Some(SHIFT)), (Group, 65_535, Some(165_535)), (User, IDS, None)];
        check("unprivileged: 1\n", &all);
        check("arch: amd64\n", &[(User, 0, Some(0)), (Group, 70_000, Some(70_000))]);
        // Proxmox VE takes the lines whether the container is unprivileged or not.
        check(
            "lxc.idmap: u 0 1000 10\n",
            &[(User, 9, Some(1009)), (User, 10, None), (Group, 0, None)],
        );
        check("unprivileged: 1\nlxc.idmap: x 0 1 2\n", &[(User, 0, None)]);
    }

    #[test]
    fn lines_of_another_form_map_nothing() {
        for value in
            ["", "u", "u 0 1", "u 0 1 2 3", "u -1 0 1", "u 0 0 4294967296", "b 0 1 2", "u 0x1 0 1"]
        {
            assert_eq!(IdMap::parse([value]), IdMap::default(), "{value:?}");
        }
        let last = IdMap::parse(["u 1 4294967295 2"]);
        assert_eq!(last.on_node(IdKind::User, 1), Some(u32::MAX));
        assert_eq!(last.on_node(IdKind::User, 2), None, "no number is larger");
    }
}
