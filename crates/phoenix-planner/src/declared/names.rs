//! What gives names to DNS: records, and agents.

use schemars::JsonSchema;
use serde::Deserialize;

/// One DNS record.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct DnsRecord {
    /// The name. One part without a dot is a name in the domain. With `*.` in front: every name below it.
    /// Needed.
    #[schemars(example = &"git.internal.example.com")]
    pub hostname: Option<String>,
    /// The address, IPv4 or IPv6, without a prefix length. Needed.
    #[schemars(example = &"10.0.0.111")]
    pub ip: Option<String>,
}

/// Portainer. Only its name is read.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct PortainerApi {
    /// The name of its web interface, which leads to the gateway.
    #[schemars(example = &"portainer.internal.example.com")]
    pub portainer_hostname: Option<String>,
}
