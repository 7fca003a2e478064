//! Where the parts of a JSON text stand, found when somebody asks.
//!
//! The text has been read before, so nothing is judged here. An object or a list is looked through when
//! something in it is asked for, so that a plan that points at a few guests does not take the whole
//! file apart.

use std::cell::OnceCell;
use std::sync::Arc;

use super::Span;
use super::skim::{self, Member};

/// One value with the place of its name, as a tree: JSON pointers as keys of a flat map would take
/// memory that grows with depth times size.
#[derive(Debug, Clone)]
struct Node {
    name: Option<Span>,
    value: Span,
    children: OnceCell<Children>,
}

#[derive(Debug, Clone)]
enum Children {
    None,
    Elements(Box<[Node]>),
    /// Sorted by name. A map would take several times the memory for objects of a few members.
    Members(Box<[(Box<str>, Node)]>),
}

impl Node {
    fn new(name: Option<Span>, value: Span) -> Self {
        Self { name, value, children: OnceCell::new() }
    }

    fn children(&self, text: &str) -> &Children {
        self.children.get_or_init(|| match text.as_bytes().get(self.value.start) {
            Some(b'{') => Children::Members(members(text, &self.value)),
            Some(b'[') => Children::Elements(
                skim::elements(text, &self.value).map(|value| Self::new(None, value)).collect(),
            ),
            _ => Children::None,
        })
    }

    fn child(&self, text: &str, step: &str) -> Option<&Self> {
        match self.children(text) {
            Children::None => None,
            Children::Elements(nodes) => nodes.get(step.parse::<usize>().ok()?),
            Children::Members(nodes) => {
                let name = step.replace("~1", "/").replace("~0", "~");
                let after = nodes.partition_point(|(other, _)| **other <= *name);
                // Of a name that stands twice, the last counts.
                let (found, node) = nodes.get(after.checked_sub(1)?)?;
                (**found == *name).then_some(node)
            }
        }
    }

    /// Returns where to point at it: a list or an object may be long, so its name or its bracket stands
    /// for it.
    fn spot(&self, text: &str) -> Span {
        let is_leaf = !matches!(text.as_bytes().get(self.value.start), Some(b'{' | b'['));
        match &self.name {
            _ if is_leaf => self.value.clone(),
            Some(name) => name.clone(),
            None => self.value.start..self.value.start + 1,
        }
    }
}

fn members(text: &str, object: &Span) -> Box<[(Box<str>, Node)]> {
    let named = |Member { name, value }| {
        (skim::text(text, &name).into_boxed_str(), Node::new(Some(name), value))
    };
    let mut members = skim::members(text, object).map(named).collect::<Box<[_]>>();
    // The sort is stable: equal names stay in the text's order.
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    members
}

/// Knows the place of every value of a text by its JSON pointer (RFC 6901).
#[derive(Debug, Clone)]
pub struct Places {
    text: Arc<str>,
    root: OnceCell<Option<Node>>,
}

impl Places {
    /// Returns the places of a text; of one that is no JSON, what can be made out.
    pub fn of(text: Arc<str>) -> Self {
        Self { text, root: OnceCell::new() }
    }

    /// Returns the place of a value, or of the nearest one around it that is there.
    ///
    /// A list or an object is shown by its name.
    pub fn value(&self, pointer: &str) -> Span {
        self.nearest(pointer).map_or(0..0, |node| node.spot(&self.text))
    }

    /// Returns the place of a member's name, or of the element when it has none.
    pub fn name(&self, pointer: &str) -> Span {
        let name = |node: &Node| node.name.clone().unwrap_or_else(|| node.spot(&self.text));
        self.nearest(pointer).map_or(0..0, name)
    }

    fn nearest(&self, pointer: &str) -> Option<&Node> {
        let root = || skim::root(&self.text).map(|value| Node::new(None, value));
        let mut node = self.root.get_or_init(root).as_ref()?;
        for step in pointer.split('/').skip(1) {
            match node.child(&self.text, step) {
                Some(child) => node = child,
                None => break,
            }
        }
        Some(node)
    }
}
