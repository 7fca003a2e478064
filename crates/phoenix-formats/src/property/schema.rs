//! Schemas of property strings: which keys there are, what they take, in which order they print.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{self, Check};
use super::fault::{PropertyError, PropertyFault};

/// Smallest and largest value of a number, both allowed.
pub(crate) type Range = (f64, f64);

/// What a property's value must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// `1`, `on`, `yes`, `true` and their opposites in any letter case; kept as `1` or `0`.
    Boolean,
    /// Digits with an optional sign.
    Integer(Range),
    /// A decimal number, also with an exponent.
    Number,
    /// One of these words, in this letter case.
    OneOf(&'static [&'static str]),
    /// Text that passes a check.
    Text(Check),
}

/// One property of a schema.
#[derive(Debug)]
pub(crate) struct Property {
    name: &'static str,
    required: bool,
    kind: Kind,
    /// Another property that must be given with this one.
    needs: Option<&'static str>,
    /// Keys that give this property its value and are the value of the schema's bare property.
    heads: &'static [&'static str],
}

impl Property {
    pub(crate) const fn required(name: &'static str, kind: Kind) -> Self {
        Self { name, required: true, kind, needs: None, heads: &[] }
    }

    pub(crate) const fn optional(name: &'static str, kind: Kind) -> Self {
        Self { name, required: false, kind, needs: None, heads: &[] }
    }

    /// Returns the property as one that stands only beside another.
    pub(crate) const fn with(mut self, other: &'static str) -> Self {
        self.needs = Some(other);
        self
    }

    /// Returns the property as one that also stands as `HEAD=VALUE`, where the head is the bare property's value.
    pub(crate) const fn behind(mut self, heads: &'static [&'static str]) -> Self {
        self.heads = heads;
        self
    }
}

/// The properties of one kind of property string, in the order in which they print.
#[derive(Debug)]
pub(crate) struct Schema {
    /// The property whose key may be left out.
    pub(crate) bare: Option<&'static str>,
    /// Required properties first, then the others, each group sorted by name.
    pub(crate) properties: &'static [Property],
}

/// What a text gives, before any value is checked.
struct Given<'a> {
    /// The values in the order of the schema's properties.
    known: Vec<Option<&'a str>>,
    unknown: BTreeSet<&'a str>,
    faults: Vec<PropertyFault>,
}

impl Schema {
    /// Returns the values by key, booleans as `0` and `1`, or everything that is wrong.
    pub(crate) fn parse(
        &self,
        text: &str,
    ) -> Result<BTreeMap<&'static str, String>, PropertyError> {
        let values = self.read(text)?;
        Ok(values.into_iter().map(|(name, value)| (name, value.to_owned())).collect())
    }

    /// Says everything that is wrong with a text.
    pub(crate) fn check(&self, text: &str) -> Result<(), PropertyError> {
        self.read(text).map(drop)
    }

    /// Returns the text that Proxmox VE prints for these values.
    pub(crate) fn canonical(&self, values: &BTreeMap<&'static str, String>) -> String {
        let mut text = String::new();
        let tail = self.tail().and_then(|name| values.get_key_value(name));
        let tail = tail.filter(|_| self.bare.is_some_and(|bare| values.contains_key(bare)));
        let first = |name: &&str| self.is_printed_first(name);
        let front = self.printed_first().filter_map(|name| values.get_key_value(name));
        let others = values.iter().filter(|(name, _)| !first(name));
        let others = others.filter(|(name, _)| tail.is_none_or(|(tail, _)| tail != *name));
        for (name, value) in front.chain(others) {
            let comma = if text.is_empty() { "" } else { "," };
            match (self.bare, tail) {
                (Some(bare), None) if bare == *name => text.extend([comma, value]),
                (Some(bare), Some((_, tail))) if bare == *name => {
                    text.extend([comma, value, "=", tail]);
                }
                _ => text.extend([comma, name, "=", value]),
            }
        }
        text
    }

    /// Returns the property that prints behind the bare one: `HEAD=VALUE`.
    fn tail(&self) -> Option<&'static str> {
        let tail = self.properties.iter().find(|property| !property.heads.is_empty());
        tail.map(|property| property.name)
    }

    /// Returns the properties that print before the others, which print by name.
    fn printed_first(&self) -> impl Iterator<Item = &'static str> {
        let required = self.properties.iter().take_while(|property| property.required);
        let required = required.map(|property| property.name);
        self.bare.into_iter().chain(required.filter(move |name| self.bare != Some(name)))
    }

    fn is_printed_first(&self, name: &str) -> bool {
        self.printed_first().any(|first| first == name)
    }

    fn read<'a>(&self, text: &'a str) -> Result<Vec<(&'static str, &'a str)>, PropertyError> {
        let Given { known, unknown, mut faults } = self.split(text);
        faults.extend(self.alone(&known));
        let mut values = Vec::with_capacity(known.len());
        for (property, value) in self.properties.iter().zip(known) {
            match property.read(value) {
                Ok(value) => values.extend(value.map(|value| (property.name, value))),
                Err(fault) => faults.push(fault),
            }
        }
        faults.extend(unknown.into_iter().map(|key| PropertyFault::Unknown(key.to_owned())));
        if faults.is_empty() { Ok(values) } else { Err(PropertyError::new(faults)) }
    }

    /// Says which properties stand without the other one that they need.
    fn alone(&self, known: &[Option<&str>]) -> Vec<PropertyFault> {
        let given = |name: &str| {
            self.place(name).and_then(|place| known.get(place)).is_some_and(Option::is_some)
        };
        let fault = |property: &Property| {
            let other = property.needs.filter(|other| given(property.name) && !given(other))?;
            Some(PropertyFault::Alone { key: property.name, needs: other })
        };
        self.properties.iter().filter_map(fault).collect()
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.properties.iter().position(|property| property.name == name)
    }

    fn split<'a>(&self, text: &'a str) -> Given<'a> {
        let known = vec![None; self.properties.len()];
        let mut given = Given { known, unknown: BTreeSet::new(), faults: Vec::new() };
        for part in text.split(',').filter(|part| !check::is_blank(part)) {
            let put = self.pair(part).and_then(|(key, value)| self.put(&mut given, key, value));
            given.faults.extend(put.err());
        }
        given
    }

    /// Notes a value; says which key was there before.
    fn put<'a>(
        &self,
        given: &mut Given<'a>,
        key: &'a str,
        value: &'a str,
    ) -> Result<(), PropertyFault> {
        let twice = || PropertyFault::Duplicate(key.to_owned());
        match self.place(key) {
            Some(place) if given.known[place].is_some() => Err(twice()),
            Some(place) => {
                given.known[place] = Some(value);
                Ok(())
            }
            None => self.put_behind(given, key, value),
        }
    }

    /// Notes `HEAD=VALUE`: the value counts, whatever was given before, and the head must be the only one.
    fn put_behind<'a>(
        &self,
        given: &mut Given<'a>,
        key: &'a str,
        value: &'a str,
    ) -> Result<(), PropertyFault> {
        let place = self.properties.iter().position(|property| property.heads.contains(&key));
        match (place, self.bare.and_then(|bare| Some((bare, self.place(bare)?)))) {
            (Some(_), Some((bare, head))) if given.known[head].is_some() => {
                Err(PropertyFault::Duplicate(bare.to_owned()))
            }
            (Some(place), Some((_, head))) => {
                given.known[head] = Some(key);
                given.known[place] = Some(value);
                Ok(())
            }
            _ if given.unknown.insert(key) => Ok(()),
            _ => Err(PropertyFault::Duplicate(key.to_owned())),
        }
    }

    fn pair<'a>(&self, part: &'a str) -> Result<(&'a str, &'a str), PropertyFault> {
        match (part.split_once('='), self.bare) {
            (Some((key, value)), _) => {
                // A line feed ends the value, and nothing may follow it.
                let value = value.strip_suffix('\n').unwrap_or(value);
                let complete = !key.is_empty() && !value.is_empty() && !value.contains('\n');
                if complete {
                    Ok((key, value))
                } else {
                    Err(PropertyFault::Incomplete(part.to_owned()))
                }
            }
            (None, Some(bare)) => Ok((bare, part)),
            (None, None) => Err(PropertyFault::BareValue(part.to_owned())),
        }
    }
}

impl Property {
    fn read<'a>(&self, value: Option<&'a str>) -> Result<Option<&'a str>, PropertyFault> {
        match value {
            None if self.required => Err(PropertyFault::Missing(self.name)),
            None => Ok(None),
            Some(value) => match self.kind.read(value) {
                Ok(read) => Ok(Some(read)),
                Err(why) => {
                    Err(PropertyFault::Value { key: self.name, value: value.to_owned(), why })
                }
            },
        }
    }
}

impl Kind {
    /// Returns the value as Proxmox VE keeps it, or what the property takes instead.
    pub(crate) fn read(self, value: &str) -> Result<&str, String> {
        let result = match self {
            Self::Boolean => return check::boolean(value).map_err(str::to_owned),
            Self::Integer(range) => return check::integer(value, range).map(|()| value),
            Self::OneOf(words) => return check::one_of(value, words).map(|()| value),
            Self::Number => check::number(value),
            Self::Text(check) => check(value),
        };
        result.map(|()| value).map_err(str::to_owned)
    }
}
