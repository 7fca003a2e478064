//! resolv.conf(5): the text stays, and servers and domains that are set are read back, all others left alone.

#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use phoenix_formats::resolv_conf::{Nameserver, ResolvConf};

fuzz_target!(|text: &str| {
    let conf = ResolvConf::parse(text);
    assert_eq!(conf.text(), text);
    let _ = (conf.manager(), conf.options());
    for count in [0, 1, 4] {
        let servers: Vec<Nameserver> = (0..count).map(server).collect();
        let edited = conf.set_nameservers(&servers).expect("addresses");
        let again = ResolvConf::parse(&edited);
        assert!(again.nameservers().eq(&servers));
        assert_eq!((again.search(), again.options()), (conf.search(), conf.options()));
        assert_eq!(again.set_nameservers(&servers), Ok(edited));
    }
    for domains in [&[][..], &["lan", "home"]] {
        let edited = conf.set_search(domains).expect("words");
        let again = ResolvConf::parse(&edited);
        assert_eq!(again.search(), domains);
        assert!(again.nameservers().eq(conf.nameservers()));
        assert_eq!(again.set_search(domains), Ok(edited));
    }
    let own: Vec<Nameserver> = conf.nameservers().cloned().collect();
    if let Ok(same) = conf.set_nameservers(&own) {
        assert_eq!(same, text);
    }
});

fn server(number: u8) -> Nameserver {
    IpAddr::from([10, 0, 0, number]).into()
}
