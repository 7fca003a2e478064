//! fstab(5): what libmount makes of it, as findmnt(8) shows it, and edits.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Command;

use phoenix_formats::fstab::{Fstab, line};
use proptest::prelude::*;

/// Lines at the edges of the grammar, with and without what is needed.
const TABLE: &str = "# comment\n\n \t\n/dev/sda1 / ext4 errors=remount-ro 0 1\n  \tUUID=x\t/a\\040b\text4\n\
10.0.0.1:/x /mnt/x nfs nofail,_netdev,x-phoenix.volume 0 0 # c\nonly two\none\n/dev/b /b xfs rw#x 0 0\n\
#/d\n/dev/e /e\\043\\134 ext4 defaults 0 0 more\n/dev/f /f ext4 rw x y\n/dev/g /g/ ext4 rw 1\n\
/dev/h \"/h h\" ext4 rw\n/dev/i /\\i ext4 \\054rw 007 08\n/dev/j /j ext4 rw 0 0\r\n/dev/k /k ext4\r\n\
/dev/l /l ext4 rw -1 +0\n/dev/m /m ext4 rw 1x\n/dev/n /n ext4 rw 0 0x\n/dev/o #/o ext4\n/dev/p /p #ext4\n\
/dev/q\x0b/q ext4 rw\n/dev/r /r\\04 ext4\n/dev/s /s ext4 #rw 0\n/dev/t /t ext4 rw 0 #\n/dev/u /u ext4 rw # 0\n\
/dev/v /v ext4 rw 0#\n/dev/w /\u{fc} ext4 rw\n/dev/x /x ext4 rw 99999999999\n/dev/y /y ext4 rw -";

fn ours(text: &str) -> Vec<[String; 4]> {
    let table = Fstab::parse(text);
    let all = table.entries().iter().cloned();
    all.map(|entry| [entry.source, entry.target, entry.kind, entry.options]).collect()
}

/// Returns the entries that libmount reads, and the numbers of the lines that it ignores.
#[expect(clippy::disallowed_methods, reason = "the real program is asked")]
fn theirs(text: &str) -> (Vec<[String; 4]>, Vec<usize>) {
    let mut file = tempfile();
    file.1.write_all(text.as_bytes()).unwrap();
    let output = Command::new("findmnt")
        .args(["--raw", "--noheadings", "--output", "SOURCE,TARGET,FSTYPE,OPTIONS", "--tab-file"])
        .arg(&file.0)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    std::fs::remove_file(&file.0).unwrap();
    let entry = |line: &str| {
        let mut words = line.split(' ').map(unescaped);
        std::array::from_fn(|_| words.next().unwrap_or_default())
    };
    let entries = String::from_utf8(output.stdout).unwrap().lines().map(entry).collect();
    let number = |line: &str| line.split("at line ").nth(1)?.split(' ').next()?.parse().ok();
    let ignored = String::from_utf8(output.stderr).unwrap().lines().filter_map(number).collect();
    (entries, ignored)
}

#[expect(clippy::disallowed_methods, reason = "the real program is asked")]
fn tempfile() -> (std::path::PathBuf, std::fs::File) {
    let name = format!("phoenix-fstab-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let file = std::fs::File::create(&path).unwrap();
    (path, file)
}

/// Returns a word of findmnt's raw output, which has bytes as `\\xNN`.
fn unescaped(word: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = word;
    while let Some(at) = rest.find("\\x") {
        let (before, code) = rest.split_at(at);
        bytes.extend(before.bytes());
        bytes.push(u8::from_str_radix(&code[2..4], 16).unwrap());
        rest = &code[4..];
    }
    bytes.extend(rest.bytes());
    String::from_utf8(bytes).unwrap()
}

#[test]
fn lines_as_libmount_reads_them() {
    let (entries, ignored) = theirs(TABLE);
    let read = ours(TABLE);
    for (ours, theirs) in read.iter().zip(&entries) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(read.len(), entries.len());
    let warnings = Fstab::parse(TABLE);
    let warnings = warnings.warnings().iter().map(|warning| warning.line).collect::<Vec<_>>();
    assert_eq!(warnings, ignored);
    assert!(entries.len() > 15 && ignored.len() > 5, "the table tells nothing");
}

#[test]
fn lines_are_edited_alone() {
    let text = "# a\n/dev/a /a ext4\r\n/dev/b /b ext4 rw 0 0\n/dev/c /c ext4";
    let table = Fstab::parse(text);
    let new = line("10.0.0.1:/x y", "/mnt/x", "nfs", "nofail");
    assert_eq!(new, "10.0.0.1:/x\\040y /mnt/x nfs nofail 0 0");
    let changed = BTreeMap::from([(2, Some("/dev/z /z xfs".to_owned())), (3, None), (9, None)]);
    assert_eq!(
        table.edit(&changed, std::slice::from_ref(&new)),
        format!("# a\n/dev/z /z xfs\r\n/dev/c /c ext4\n{new}\n")
    );
    assert_eq!(
        Fstab::parse("").edit(&BTreeMap::new(), std::slice::from_ref(&new)),
        format!("{new}\n")
    );
}

#[test]
fn large_texts_are_read_in_time() {
    for piece in ["a ", "\\040", "#", "\n", "\t", "a b c\n", "\u{20ac}", "\0"] {
        let text = piece.repeat((1 << 20) / piece.len());
        assert_eq!(Fstab::parse(&text).text(), text);
    }
}

proptest! {
    #[test]
    fn the_text_stays(text in "[a# \t\r\n\\\\0-9\u{fc}]{0,60}") {
        let table = Fstab::parse(&text);
        prop_assert_eq!(table.text(), text.as_str());
        prop_assert_eq!(table.edit(&BTreeMap::new(), &[]), text);
    }

    #[test]
    fn lines_are_read_back(
        text in "[a# \t\r\n\\\\0-9]{0,60}",
        source in "[a-z:/# \t\n\\\\0-9\u{fc}]{1,12}",
        target in "/[a-z# \r\\\\0-9]{0,12}",
        options in "[a-z=,#]{1,12}",
    ) {
        // A carriage return at the very end belongs to its line until a line feed follows.
        prop_assume!(!text.ends_with('\r'));
        let table = Fstab::parse(&text);
        let edited = table.edit(&BTreeMap::new(), &[line(&source, &target, "nfs", &options)]);
        let again = Fstab::parse(&edited);
        prop_assert_eq!(again.entries().len(), table.entries().len() + 1);
        let last = again.entries().last().unwrap();
        prop_assert_eq!((&last.source, &last.target, &last.options), (&source, &target, &options));
        let without = again.edit(&BTreeMap::from([(last.line, None)]), &[]);
        prop_assert!(without == text || without.trim_end() == text.trim_end());
    }
}
