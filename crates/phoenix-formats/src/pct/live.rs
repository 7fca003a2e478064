//! What is known about a running container beyond its configuration.

use std::collections::{BTreeMap, BTreeSet};

/// The network interfaces of a running container, if they are known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Live {
    /// The interfaces inside the guest by name, each with its addresses such as `10.0.0.5/24`;
    /// `None` when nobody looked: then those that the configuration names are taken to be there.
    pub interfaces: Option<BTreeMap<String, BTreeSet<String>>>,
}

impl Live {
    /// Returns whether an address can be added to an interface.
    pub(super) fn takes_address(&self, name: &str, address: &str) -> bool {
        match &self.interfaces {
            None => true,
            Some(interfaces) => {
                interfaces.get(name).is_some_and(|present| !present.contains(address))
            }
        }
    }
}
