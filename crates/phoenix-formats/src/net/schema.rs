//! The properties of a container's network interface (pct.conf(5), `net[n]`).

use crate::property::{Kind, Property, Schema, check};

/// In print order: the required property, then the others by name.
static PROPERTIES: [Property; 15] = [
    Property::required("name", Kind::Text(check::interface)),
    Property::optional("bridge", Kind::Text(check::interface)),
    Property::optional("firewall", Kind::Boolean),
    Property::optional("gw", Kind::Text(check::ipv4)),
    Property::optional("gw6", Kind::Text(check::ipv6)),
    Property::optional("host-managed", Kind::Boolean),
    Property::optional("hwaddr", Kind::Text(check::mac)),
    Property::optional("ip", Kind::Text(check::ipv4_config)),
    Property::optional("ip6", Kind::Text(check::ipv6_config)),
    Property::optional("link_down", Kind::Boolean),
    // The smallest Ethernet frame has 64 bytes.
    Property::optional("mtu", Kind::Integer((64.0, 65535.0))),
    Property::optional("rate", Kind::Number),
    // VLAN 0 is priority tagging and 4095 is reserved (IEEE 802.1Q).
    Property::optional("tag", Kind::Integer((1.0, 4094.0))),
    Property::optional("trunks", Kind::Text(check::trunks)),
    Property::optional("type", Kind::OneOf(&["veth"])),
];

pub(crate) static SCHEMA: Schema = Schema { bare: None, properties: &PROPERTIES };
