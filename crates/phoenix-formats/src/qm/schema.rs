//! The properties of a machine's network interface and of its cloud-init addresses (qm.conf(5)).

use crate::property::{Kind, Property, Schema, check};

/// The network cards that a machine can have; the card may stand in front of its address: `virtio=MAC`.
static MODELS: [&str; 14] = [
    "e1000",
    "e1000-82540em",
    "e1000-82544gc",
    "e1000-82545em",
    "e1000e",
    "i82551",
    "i82557b",
    "i82559er",
    "ne2k_isa",
    "ne2k_pci",
    "pcnet",
    "rtl8139",
    "virtio",
    "vmxnet3",
];

/// In print order: the required property, then the others by name.
static NET: [Property; 11] = [
    Property::required("model", Kind::OneOf(&MODELS)),
    Property::optional("bridge", Kind::Text(check::interface)),
    Property::optional("firewall", Kind::Boolean),
    Property::optional("host-tunnel", Kind::Boolean),
    Property::optional("link_down", Kind::Boolean),
    Property::optional("macaddr", Kind::Text(check::mac)).behind(&MODELS),
    Property::optional("mtu", Kind::Integer((1.0, 65520.0))),
    Property::optional("queues", Kind::Integer((0.0, 64.0))),
    Property::optional("rate", Kind::Text(check::rate)),
    // VLAN 0 is priority tagging and 4095 is reserved (IEEE 802.1Q).
    Property::optional("tag", Kind::Integer((1.0, 4094.0))),
    Property::optional("trunks", Kind::Text(check::trunk_ranges)),
];

static IPCONFIG: [Property; 4] = [
    Property::optional("gw", Kind::Text(check::ipv4)).with("ip"),
    Property::optional("gw6", Kind::Text(check::ipv6)).with("ip6"),
    Property::optional("ip", Kind::Text(check::ipv4_config)),
    Property::optional("ip6", Kind::Text(check::ipv6_config)),
];

pub(super) static NET_SCHEMA: Schema = Schema { bare: Some("model"), properties: &NET };
pub(super) static IPCONFIG_SCHEMA: Schema = Schema { bare: None, properties: &IPCONFIG };
