//! A machine's `netN` and `ipconfigN`: what PVE prints is read back as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_formats::qm::{FirewallFlag, IpConfig, VmNet};

fuzz_target!(|text: &str| {
    if let Ok(net) = VmNet::parse(text) {
        assert_eq!(VmNet::parse(&net.canonical()).as_ref(), Ok(&net));
        assert!(VmNet::parse(&net.with_firewall(FirewallFlag::On).canonical()).is_ok());
    }
    if let Ok(addresses) = IpConfig::parse(text) {
        assert_eq!(IpConfig::parse(&addresses.canonical()).as_ref(), Ok(&addresses));
    }
});
