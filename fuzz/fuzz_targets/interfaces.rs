//! interfaces(5): the text stays, and an option that is set is read back in its stanza.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use phoenix_formats::interfaces::Interfaces;
use phoenix_formats::iproute::links_of;

fuzz_target!(|text: &str| {
    let file = Interfaces::parse(text);
    assert_eq!(file.text(), text);
    assert_eq!(file.remove_lines(&BTreeSet::new()), text);
    let _ = (links_of(&file.network()), file.iptables());
    let Some(stanza) = file.stanzas().iter().rfind(|stanza| stanza.kind.takes_options()) else {
        return;
    };
    if let Ok(edited) = file.set_option(stanza.line, "mtu", "9000") {
        let again = Interfaces::parse(&edited);
        let same = again.stanzas().iter().find(|other| other.line == stanza.line);
        let options = &same.expect("the stanza stays where it is").options;
        assert!(options.iter().any(|option| option.is("mtu") && option.value == "9000"));
        assert_eq!(again.stanzas().len(), file.stanzas().len());
    }
});
