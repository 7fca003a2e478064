//! The firewall's plans on random sets: what they lead to, and every state on the way.

#![expect(clippy::unwrap_used, reason = "a test that cannot lay out its node has failed")]

mod firewall {
    mod cases;
    pub(crate) mod node;
    mod random;
    mod ways;
}
