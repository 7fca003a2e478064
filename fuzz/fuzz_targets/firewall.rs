//! Firewall files: their text stays, an edit that is true already changes nothing, and one that is not
//! leaves every other line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_formats::firewall::{FwEdit, FwFile, Level};

fuzz_target!(|text: &str| {
    let cluster = FwFile::parse(Level::Cluster, text, None);
    for level in [Level::Cluster, Level::Host, Level::Guest] {
        let file = FwFile::parse(level, text, Some(&cluster));
        assert_eq!(file.text(), text);
        let _ = file.saved();
        let own = file.rules().iter().map(|parsed| parsed.rule.clone()).collect();
        if let Ok(same) = file.edit(&[FwEdit::SetRules(own)]) {
            assert_eq!(same, text);
        }
        enable(&file);
    }
});

fn enable(file: &FwFile) {
    let enable = [FwEdit::SetOption { key: "enable".to_owned(), value: "1".to_owned() }];
    let Ok(edited) = file.edit(&enable) else { return };
    let again = FwFile::parse(file.level(), &edited, None);
    assert_eq!(again.option("enable"), Some("1"));
    if file.text() != "0" {
        let mut lines = edited.split('\n');
        let is_other = |line: &&str| !line.to_ascii_lowercase().contains("enable");
        let kept = |line: &str| lines.any(|edited| edited == line);
        assert!(file.text().split_terminator('\n').filter(is_other).all(kept));
    }
}
