//! Schemas of property strings: which keys there are, what they take, in which order they print.

use std::collections::BTreeMap;

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

impl Schema {
    /// Returns the values by key, booleans as `0` and `1`, or everything that is wrong.
    pub(crate) fn parse(
        &self,
        text: &str,
    ) -> Result<BTreeMap<&'static str, String>, PropertyError> {
        let mut faults = Vec::new();
        let mut given = self.split(text, &mut faults);
        let mut values = BTreeMap::new();
        for property in self.properties {
            let value = given.remove(property.name);
            match property.read(value) {
                Ok(Some(value)) => drop(values.insert(property.name, value)),
                Ok(None) => {}
                Err(fault) => faults.push(fault),
            }
        }
        faults.extend(given.into_keys().map(|key| PropertyFault::Unknown(key.to_owned())));
        if faults.is_empty() { Ok(values) } else { Err(PropertyError::new(faults)) }
    }

    /// Returns the text that Proxmox VE prints for these values.
    pub(crate) fn canonical(&self, values: &BTreeMap<&'static str, String>) -> String {
        let mut text = String::new();
        for name in self.in_print_order() {
            let Some(value) = values.get(name) else { continue };
            let comma = if text.is_empty() { "" } else { "," };
            match self.bare {
                Some(bare) if bare == name => text.extend([comma, value]),
                _ => text.extend([comma, name, "=", value]),
            }
        }
        text
    }

    fn in_print_order(&self) -> impl Iterator<Item = &'static str> {
        let others = self.properties.iter().map(|property| property.name);
        self.bare.into_iter().chain(others.filter(move |name| self.bare != Some(name)))
    }

    fn split<'a>(
        &self,
        text: &'a str,
        faults: &mut Vec<PropertyFault>,
    ) -> BTreeMap<&'a str, &'a str> {
        let mut given = BTreeMap::new();
        for part in text.split(',').filter(|part| !check::is_blank(part)) {
            match self.pair(part) {
                Ok((key, _)) if given.contains_key(key) => {
                    faults.push(PropertyFault::Duplicate(key.to_owned()));
                }
                Ok((key, value)) => drop(given.insert(key, value)),
                Err(fault) => faults.push(fault),
            }
        }
        given
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
    fn read(&self, value: Option<&str>) -> Result<Option<String>, PropertyFault> {
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
    pub(crate) fn read(self, value: &str) -> Result<String, String> {
        match self {
            Self::Boolean => check::boolean(value).map(str::to_owned).map_err(str::to_owned),
            Self::Integer(range) => check::integer(value, range).map(|()| value.to_owned()),
            Self::Number => check::number(value).map(|()| value.to_owned()).map_err(str::to_owned),
            Self::OneOf(words) => check::one_of(value, words).map(|()| value.to_owned()),
            Self::Text(check) => check(value).map(|()| value.to_owned()).map_err(str::to_owned),
        }
    }
}
