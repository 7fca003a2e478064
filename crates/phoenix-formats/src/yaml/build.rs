//! From the events of a parser to a value, without recursion and within limits.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::{LONGEST, MAX_DEPTH, Yaml, YamlError, resolve};

/// How many values a text may come to when its aliases are followed, for each byte of it: without a
/// limit, aliases of aliases make a hundred lines larger than any memory.
const VALUES_PER_BYTE: usize = 4;

/// A list or map that is not closed yet.
enum Open {
    List(Vec<Yaml>),
    Map { members: BTreeMap<String, Yaml>, name: Option<String> },
}

struct Builder {
    open: Vec<(Open, usize)>,
    /// What anchors name, with how many values it comes to, and how many levels.
    anchors: BTreeMap<usize, (Yaml, usize, usize)>,
    root: Option<Yaml>,
    values: usize,
    limit: usize,
}

pub(super) fn parse(text: &str) -> Result<Yaml, YamlError> {
    if text.len() > LONGEST {
        return Err(error(1, format!("longer than {} MiB", LONGEST >> 20)));
    }
    let mut builder = Builder {
        open: Vec::new(),
        anchors: BTreeMap::new(),
        root: None,
        values: 0,
        limit: text.len().saturating_mul(VALUES_PER_BYTE).max(VALUES_PER_BYTE),
    };
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| error(e.marker().line(), e.info().to_owned()))?;
        if let Event::DocumentStart(_) = event {
            documents += 1;
        }
        if documents > 1 {
            return Err(error(line(&span), "a second document".to_owned()));
        }
        builder.take(event, line(&span))?;
    }
    Ok(builder.root.unwrap_or(Yaml::Null))
}

fn line(span: &Span) -> usize {
    span.start.line()
}

fn error(line: usize, message: String) -> YamlError {
    YamlError { line: line.max(1), message }
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(text, style, tag.as_deref(), line)?;
                self.put(value, 1, anchor, line)
            }
            Event::SequenceStart(anchor, tag) => {
                known(tag.as_deref(), "seq", line)?;
                self.push(Open::List(Vec::new()), anchor, line)
            }
            Event::MappingStart(anchor, tag) => {
                known(tag.as_deref(), "map", line)?;
                self.push(Open::Map { members: BTreeMap::new(), name: None }, anchor, line)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(line),
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some((value, size, levels)) => {
                    self.check_depth(levels, line)?;
                    self.put(value, size, 0, line)
                }
                None => Err(error(line, "an alias inside of what it names".to_owned())),
            },
            _ => Ok(()),
        }
    }

    fn push(&mut self, open: Open, anchor: usize, line: usize) -> Result<(), YamlError> {
        self.check_depth(1, line)?;
        self.open.push((open, anchor));
        Ok(())
    }

    /// Checks that so many levels more may stand here.
    fn check_depth(&self, levels: usize, line: usize) -> Result<(), YamlError> {
        let fits = self.open.len() + levels <= MAX_DEPTH;
        fits.then_some(()).ok_or_else(|| error(line, format!("more than {MAX_DEPTH} levels")))
    }

    fn close(&mut self, line: usize) -> Result<(), YamlError> {
        let Some((open, anchor)) = self.open.pop() else { return Ok(()) };
        let value = match open {
            Open::List(list) => Yaml::List(list),
            Open::Map { members, .. } => Yaml::Map(members),
        };
        // What stands in it has been counted where it was put.
        let size = if anchor == 0 { 1 } else { size(&value) };
        self.remember(anchor, &value, size);
        self.place(value, line)?;
        self.count(1, line)
    }

    fn put(
        &mut self,
        value: Yaml,
        size: usize,
        anchor: usize,
        line: usize,
    ) -> Result<(), YamlError> {
        self.count(size, line)?;
        self.remember(anchor, &value, size);
        self.place(value, line)
    }

    fn remember(&mut self, anchor: usize, value: &Yaml, size: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), size, levels(value)));
        }
    }

    fn count(&mut self, values: usize, line: usize) -> Result<(), YamlError> {
        self.values = self.values.saturating_add(values);
        let fits = self.values <= self.limit;
        fits.then_some(()).ok_or_else(|| error(line, "aliases that make too much of it".to_owned()))
    }

    fn place(&mut self, value: Yaml, line: usize) -> Result<(), YamlError> {
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some((Open::List(list), _)) => list.push(value),
            Some((Open::Map { members, name }, _)) => match name.take() {
                None => *name = Some(member_name(value, line)?),
                Some(name) => match members.entry(name) {
                    Entry::Vacant(place) => _ = place.insert(value),
                    Entry::Occupied(twice) => {
                        let message = format!("`{}` stands twice in one map", twice.key());
                        return Err(error(line, message));
                    }
                },
            },
        }
        Ok(())
    }
}

fn size(value: &Yaml) -> usize {
    match value {
        Yaml::List(list) => 1 + list.iter().map(size).sum::<usize>(),
        Yaml::Map(members) => 1 + members.values().map(|value| 1 + size(value)).sum::<usize>(),
        _ => 1,
    }
}

/// Returns how many lists and maps stand in each other.
fn levels(value: &Yaml) -> usize {
    match value {
        Yaml::List(list) => 1 + list.iter().map(levels).max().unwrap_or(0),
        Yaml::Map(members) => 1 + members.values().map(levels).max().unwrap_or(0),
        _ => 0,
    }
}

/// Returns the name of a member: scalars are named by their text.
fn member_name(value: Yaml, line: usize) -> Result<String, YamlError> {
    match value {
        Yaml::Text(text) | Yaml::Float(text) => Ok(text),
        Yaml::Integer(number) => Ok(number.to_string()),
        Yaml::Bool(flag) => Ok(flag.to_string()),
        Yaml::Null => Ok("null".to_owned()),
        Yaml::List(_) | Yaml::Map(_) => {
            Err(error(line, "a member whose name is a list or a map".to_owned()))
        }
    }
}

/// The handle of tags of YAML itself, as the parser has it.
const CORE: &str = "tag:yaml.org,2002:";

fn scalar(
    text: Cow<'_, str>,
    style: ScalarStyle,
    tag: Option<&Tag>,
    line: usize,
) -> Result<Yaml, YamlError> {
    match tag {
        None if style == ScalarStyle::Plain => Ok(resolve::plain(text)),
        None => Ok(Yaml::text(text)),
        Some(tag) if tag.handle == CORE && tag.suffix == "str" => Ok(Yaml::text(text)),
        Some(tag) if tag.handle == "!" && tag.suffix.is_empty() => Ok(Yaml::text(text)),
        Some(tag) if tag.handle == CORE => Ok(resolve::plain(text)),
        Some(_) => Err(error(line, "a tag of an application".to_owned())),
    }
}

fn known(tag: Option<&Tag>, wanted: &str, line: usize) -> Result<(), YamlError> {
    match tag {
        Some(tag) if !(tag.handle == CORE && tag.suffix == wanted) => {
            Err(error(line, "a tag of an application".to_owned()))
        }
        _ => Ok(()),
    }
}
