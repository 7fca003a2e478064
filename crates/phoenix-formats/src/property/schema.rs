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
}

impl Property {
    pub(crate) const fn required(name: &'static str, kind: Kind) -> Self {
        Self { name, required: true, kind }
    }

    pub(crate) const fn optional(name: &'static str, kind: Kind) -> Self {
        Self { name, required: false, kind }
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
        let first = |name: &&str| self.is_printed_first(name);
        let front = self.printed_first().filter_map(|name| values.get_key_value(name));
        for (name, value) in front.chain(values.iter().filter(|(name, _)| !first(name))) {
            let comma = if text.is_empty() { "" } else { "," };
            match self.bare {
                Some(bare) if bare == *name => text.extend([comma, value]),
                _ => text.extend([comma, name, "=", value]),
            }
        }
        text
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

    fn split<'a>(&self, text: &'a str) -> Given<'a> {
        let known = vec![None; self.properties.len()];
        let mut given = Given { known, unknown: BTreeSet::new(), faults: Vec::new() };
        for part in text.split(',').filter(|part| !check::is_blank(part)) {
            match self.pair(part) {
                Ok((key, value)) if !self.put(&mut given, key, value) => {
                    given.faults.push(PropertyFault::Duplicate(key.to_owned()));
                }
                Ok(_) => {}
                Err(fault) => given.faults.push(fault),
            }
        }
        given
    }

    /// Notes a value; says `false` when the key was there before.
    fn put<'a>(&self, given: &mut Given<'a>, key: &'a str, value: &'a str) -> bool {
        match self.properties.iter().position(|property| property.name == key) {
            None => given.unknown.insert(key),
            Some(place) if given.known[place].is_some() => false,
            Some(place) => {
                given.known[place] = Some(value);
                true
            }
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
