//! Where the parts of a JSON text stand.

use super::Span;

/// One value with the place of its name, as a tree: JSON pointers as keys of a flat map would take
/// memory that grows with depth times size.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) name: Option<Span>,
    pub(super) value: Span,
    pub(super) children: Children,
}

#[derive(Debug, Clone)]
pub(super) enum Children {
    None,
    Elements(Box<[Node]>),
    /// Sorted by name. A map would take several times the memory for objects of a few members.
    Members(Box<[(Box<str>, Node)]>),
}

impl Node {
    fn child(&self, step: &str) -> Option<&Self> {
        match &self.children {
            Children::None => None,
            Children::Elements(nodes) => nodes.get(step.parse::<usize>().ok()?),
            Children::Members(nodes) => {
                let name = step.replace("~1", "/").replace("~0", "~");
                let at = nodes.binary_search_by(|(other, _)| (**other).cmp(&name)).ok()?;
                Some(&nodes[at].1)
            }
        }
    }

    /// Returns where to point at it: a list or an object may be long, so its name or its bracket stands
    /// for it.
    fn spot(&self) -> Span {
        match (&self.children, &self.name) {
            (Children::None, _) => self.value.clone(),
            (_, Some(name)) => name.clone(),
            (_, None) => self.value.start..self.value.start + 1,
        }
    }
}

/// Knows the place of every value of a text by its JSON pointer (RFC 6901).
#[derive(Debug, Clone, Default)]
pub struct Places {
    root: Option<Node>,
    shift: usize,
}

impl Places {
    pub(super) fn new(root: Node) -> Self {
        Self { root: Some(root), shift: 0 }
    }

    pub(super) fn shift(&mut self, by: usize) {
        self.shift = by;
    }

    /// Returns the place of a value, or of the nearest one around it that is there.
    ///
    /// A list or an object is shown by its name.
    pub fn value(&self, pointer: &str) -> Span {
        self.nearest(pointer).map_or(0..0, |node| self.moved(&node.spot()))
    }

    /// Returns the place of a member's name, or of the element when it has none.
    pub fn name(&self, pointer: &str) -> Span {
        let node = self.nearest(pointer);
        node.map_or(0..0, |node| self.moved(&node.name.clone().unwrap_or_else(|| node.spot())))
    }

    fn moved(&self, span: &Span) -> Span {
        span.start + self.shift..span.end + self.shift
    }

    fn nearest(&self, pointer: &str) -> Option<&Node> {
        let mut node = self.root.as_ref()?;
        for step in pointer.split('/').skip(1) {
            match node.child(step) {
                Some(child) => node = child,
                None => break,
            }
        }
        Some(node)
    }
}
