//! (to be written)

/// Placeholder until the codec lands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule;
