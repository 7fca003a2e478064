//! Configuration of dnsmasq(8): the text stays, lines that are removed are gone, an added option is read back.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use phoenix_formats::dnsmasq::{Answers, ConfFiles, DnsmasqConf, Loaded, RecordType};

const ROOT: &str = "/etc/dnsmasq.conf";

fuzz_target!(|text: &str| {
    let conf = DnsmasqConf::parse(text);
    assert_eq!(conf.text(), text);
    assert_eq!(conf.without_lines(&BTreeSet::new()), text);
    let _ = (conf.verdict(), conf.warnings(), conf.problems());
    edits(&conf);
    let answers = Answers::of([&conf]);
    for kind in [RecordType::A, RecordType::Aaaa, RecordType::Ptr, RecordType::Other] {
        let _ = (answers.ask(text, kind), answers.ask("a.home", kind));
    }
    loads(text);
});

fn edits(conf: &DnsmasqConf) {
    let all: BTreeSet<usize> = conf.options().map(|option| option.line).collect();
    assert!(DnsmasqConf::parse(&conf.without_lines(&all)).options().next().is_none());
    let first = conf.options().next().and_then(|option| option.value);
    for value in [Some("/gw.home/10.0.0.1"), first.as_deref(), None] {
        let Ok(edited) = conf.with_option("address", value) else { continue };
        let again = DnsmasqConf::parse(&edited);
        let mut others: Vec<_> = again.options().collect();
        let added = others.pop().expect("it was added");
        assert_eq!((&*added.name, added.value.as_deref()), ("address", value));
        let before: Vec<_> = conf.options().map(|option| option.value).collect();
        assert!(others.into_iter().map(|option| option.value).eq(before));
    }
}

/// Reads the text beside itself, so that what it includes is found.
fn loads(text: &str) {
    let paths = [ROOT, "/etc/dnsmasq.d/a.conf", "/a"];
    let files = paths.map(|path| (path.to_owned(), text.to_owned())).into_iter().collect();
    let loaded = Loaded::new(ROOT, &ConfFiles { files, folders: BTreeSet::new() });
    assert_eq!(loaded.files()[0].1.text(), text);
    let _ = (loaded.verdict(), loaded.warnings());
}
