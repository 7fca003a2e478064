//! Certificates that openssl has made: what stands in them, and which chains lead to which roots.

#![expect(clippy::unwrap_used, reason = "a corpus that cannot be read has failed")]

use phoenix_formats::certificate::{Certificate, ChainError, read_certificates, verify_chain};
use proptest::prelude::*;

/// 2026-01-01, inside the time of those that are good.
const NOW: i64 = 1_767_225_600;

macro_rules! corpus {
    ($($name:literal),* $(,)?) => {
        const CORPUS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("corpus/certificate/", $name, ".pem")))),*];
    };
}

corpus![
    "by-leaf-chain",
    "chain",
    "early-chain",
    "ed-leaf",
    "ed-root",
    "expired-chain",
    "intermediate",
    "leaf",
    "mixed",
    "no-names",
    "other-root",
    "root",
    "rsa-leaf",
    "rsa-root",
    "sha1-leaf",
];

fn text(name: &str) -> &'static str {
    CORPUS.iter().find(|(other, _)| *other == name).map(|(_, text)| *text).unwrap()
}

fn read(name: &str) -> Vec<Certificate> {
    read_certificates(text(name)).unwrap()
}

#[test]
fn says_what_stands_in_it() {
    let leaf = read("leaf").remove(0);
    assert_eq!(leaf.common_name(), Some("nginx.internal.example.com"));
    let names = ["*.internal.example.com", "10.0.0.153", "fd00::153", "nginx.internal.example.com"];
    assert_eq!(leaf.names().iter().map(String::as_str).collect::<Vec<_>>(), names);
    assert_eq!((leaf.not_before(), leaf.not_after()), (1_735_689_600, 4_070_908_800));
    assert_eq!(leaf.issuer(), "O=Example, CN=Example Intermediate CA");
    // As `openssl x509 -fingerprint -sha256` prints it.
    let fingerprint = include_str!("corpus/certificate/leaf.sha256").trim();
    assert_eq!(leaf.fingerprint(), fingerprint.replace(':', "").to_lowercase());
    assert!(!leaf.is_authority());
    assert!(read("root")[0].is_authority());
    assert!(read("no-names")[0].names().is_empty());
}

#[test]
fn finds_all_of_a_text() {
    assert_eq!(read("mixed"), [read("intermediate"), read("root")].concat());
    assert_eq!(read("chain").len(), 2);
    assert!(read_certificates("").is_err());
    assert!(
        read_certificates("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
            .is_err()
    );
}

#[test]
fn writes_the_same_pem() {
    for name in ["leaf", "root", "rsa-root", "ed-root"] {
        let one = read(name).remove(0);
        assert_eq!(one.to_pem(), text(name), "{name}");
        assert!(text(name).lines().any(|line| line == one.telling_line()), "{name}");
    }
    assert_ne!(read("root")[0].telling_line(), read("other-root")[0].telling_line());
}

#[test]
fn a_chain_leads_to_its_root_or_not() {
    let untrusted = Err(ChainError::Untrusted);
    let cases = [
        ("chain", "root", NOW, Ok(())),
        ("chain", "intermediate", NOW, Ok(())),
        ("intermediate", "root", NOW, Ok(())),
        ("root", "root", NOW, Ok(())),
        ("rsa-leaf", "rsa-root", NOW, Ok(())),
        ("ed-leaf", "ed-root", NOW, Ok(())),
        ("leaf", "root", NOW, untrusted),
        ("chain", "other-root", NOW, untrusted),
        ("root", "other-root", NOW, untrusted),
        ("rsa-leaf", "root", NOW, untrusted),
        ("sha1-leaf", "rsa-root", NOW, untrusted),
        ("by-leaf-chain", "root", NOW, untrusted),
        ("expired-chain", "root", NOW, Err(ChainError::Expired)),
        ("expired-chain", "root", 1_740_000_000, Ok(())),
        ("early-chain", "root", NOW, Err(ChainError::NotYet)),
        ("chain", "root", 4_070_908_801, Err(ChainError::Expired)),
        ("chain", "root", 0, Err(ChainError::NotYet)),
    ];
    let wrong = cases.into_iter().filter(|(chain, root, now, wanted)| {
        verify_chain(&read(chain), &read(root), *now) != *wanted
    });
    assert_eq!(wrong.collect::<Vec<_>>(), []);
    assert_eq!(verify_chain(&[], &read("root"), NOW), Err(ChainError::Empty));
}

/// A wrong bit anywhere is no certificate, one that is not trusted, or one that says the same: the bits
/// around the signature say nothing.
#[test]
fn no_changed_byte_is_trusted() {
    let (chain, root) = (text("chain"), read("root"));
    let says =
        |c: &Certificate| (c.names().clone(), c.common_name().map(str::to_owned), c.not_after());
    let wanted = says(&read("chain")[0]);
    let first = chain.find("-----END").unwrap();
    let body = chain.find('\n').unwrap() + 1;
    for at in (body..first).filter(|at| chain.as_bytes()[*at].is_ascii_alphanumeric()) {
        let mut changed = chain.to_owned();
        let other = if &chain[at..=at] == "A" { "B" } else { "A" };
        changed.replace_range(at..=at, other);
        let changed = read_certificates(&changed);
        let Ok(changed) = changed else { continue };
        let refused = verify_chain(&changed, &root, NOW).is_err();
        assert!(refused || says(&changed[0]) == wanted, "{at}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_not(text in any::<String>()) {
        let _ = read_certificates(&text);
    }

    #[test]
    fn any_bytes_in_pem_are_read_or_not(at in 0..600_usize, byte in b'+'..=b'z') {
        let mut text = text("leaf").as_bytes().to_vec();
        let at = 28 + at.min(text.len() - 60);
        text[at] = byte;
        let _ = read_certificates(&String::from_utf8(text).unwrap());
    }
}

#[test]
fn large_texts_are_refused_or_read_in_time() {
    for unit in
        ["-----BEGIN CERTIFICATE-----\n", "[", "\"", "\0", "é", "-----END CERTIFICATE-----\n"]
    {
        let text = unit.repeat((1 << 20) / unit.len());
        assert!(read_certificates(&text).is_err(), "{unit}");
    }
}
