//! A machine's `netN` and `ipconfigN`, whose printed form is read back as the same, and its file, which stays as
//! it is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_formats::lxc_conf::Edit;
use phoenix_formats::qm::{FirewallFlag, IpConfig, VmConf, VmNet};

fuzz_target!(|text: &str| {
    if let Ok(net) = VmNet::parse(text) {
        assert_eq!(VmNet::parse(&net.canonical()).as_ref(), Ok(&net));
        assert!(VmNet::parse(&net.with_firewall(FirewallFlag::On).canonical()).is_ok());
    }
    if let Ok(addresses) = IpConfig::parse(text) {
        assert_eq!(IpConfig::parse(&addresses.canonical()).as_ref(), Ok(&addresses));
    }
    let conf = VmConf::parse(text);
    assert_eq!(conf.edit(&[]).as_deref(), Ok(text));
    let edit = Edit::Set { key: "cores".to_owned(), value: "3".to_owned() };
    let edited = conf.edit(&[edit]).map(|after| VmConf::parse(&after));
    assert_eq!(edited.as_ref().map(|after| after.get("cores")), Ok(Some("3")));
});
