//! What can be wrong with a property string.

use std::fmt;

/// Lists everything that is wrong with a property string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertyError {
    faults: Vec<PropertyFault>,
}

impl PropertyError {
    pub(super) fn new(faults: Vec<PropertyFault>) -> Self {
        Self { faults }
    }

    /// Returns the faults in the order of the text; there is at least one.
    pub fn faults(&self) -> &[PropertyFault] {
        &self.faults
    }
}

impl fmt::Display for PropertyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PropertyError {}

/// Says one thing that is wrong with a property string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PropertyFault {
    /// A part with `=` that lacks its key or its value.
    #[error("`{0}` is not complete: both a key and a value are needed")]
    Incomplete(String),
    /// A part without `=` where no property may stand without its key.
    #[error("`{0}` is a value without a key")]
    BareValue(String),
    /// A key that stands twice.
    #[error("`{0}` is given twice")]
    Duplicate(String),
    /// A key that the schema does not have.
    #[error("there is no property `{0}`")]
    Unknown(String),
    /// A property that must be given.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A property that means nothing without another one.
    #[error("`{key}` needs `{needs}` beside it")]
    Alone {
        /// The property that is given.
        key: &'static str,
        /// The property that is not.
        needs: &'static str,
    },
    /// A value that its property does not take.
    #[error("`{key}` cannot be `{value}`: {why}")]
    Value {
        /// The property.
        key: &'static str,
        /// The value as it was given.
        value: String,
        /// What the property takes.
        why: String,
    },
}
