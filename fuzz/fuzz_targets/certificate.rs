//! Certificates: each that is read is written as one that is read as the same, and is good where it is a root
//! itself, in its time only.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_formats::certificate::{Certificate, read_certificates, verify_chain};

fuzz_target!(|text: &str| {
    let Ok(all) = read_certificates(text) else { return };
    assert!(!all.is_empty());
    all.iter().for_each(alone);
    if let [_, others @ ..] = all.as_slice() {
        let _ = verify_chain(&all, others, all[0].not_before());
    }
});

fn alone(certificate: &Certificate) {
    let one = std::slice::from_ref(certificate);
    let pem = certificate.to_pem();
    assert_eq!(read_certificates(&pem).as_deref(), Ok(one));
    assert!(pem.lines().any(|line| line == certificate.telling_line()));
    assert_eq!(certificate.fingerprint().len(), 64);
    let (from, to) = (certificate.not_before(), certificate.not_after());
    assert_eq!(verify_chain(one, one, from).is_ok(), from <= to);
    assert!(verify_chain(one, one, to.saturating_add(1)).is_err());
    assert!(verify_chain(one, &[], from).is_err());
}
