//! hosts(5): the text stays, names that are set are read back, and names that are removed are gone.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_formats::hosts::Hosts;

fuzz_target!(|text: &str| {
    let hosts = Hosts::parse(text);
    assert_eq!(hosts.text(), text);
    assert_eq!(hosts.remove_names(&[]), text);
    if let Ok(replaced) = hosts.replace_line(1, "# gone") {
        assert_eq!(replaced.lines().count(), text.lines().count());
    }
    for entry in hosts.entries().iter().take(4) {
        let names = ["web.home", "web"];
        let edited = hosts.set_names(entry.address, &names).expect("host names");
        let again = Hosts::parse(&edited);
        assert_eq!(again.names_of(entry.address), names);
        assert_eq!(others(&again, entry.address), others(&hosts, entry.address));
        assert_eq!(again.set_names(entry.address, &names), Ok(edited));
        removed(&hosts, &entry.names[0]);
    }
});

fn others(hosts: &Hosts, address: std::net::IpAddr) -> Vec<&[String]> {
    let entries = hosts.entries().iter().filter(|entry| entry.address != address);
    entries.map(|entry| entry.names.as_slice()).collect()
}

fn removed(hosts: &Hosts, name: &str) {
    let gone = |own: &&String| !own.eq_ignore_ascii_case(name);
    let kept = |hosts: &Hosts| -> Vec<String> {
        hosts.entries().iter().flat_map(|entry| &entry.names).filter(gone).cloned().collect()
    };
    let again = Hosts::parse(&hosts.remove_names(&[name]));
    assert!(again.entries().iter().flat_map(|entry| &entry.names).all(|own| gone(&own)));
    assert_eq!(kept(&again), kept(hosts));
}
