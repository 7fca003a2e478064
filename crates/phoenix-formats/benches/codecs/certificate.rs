//! Certificates, more of them than any file has.

use divan::{Bencher, black_box};
use phoenix_formats::certificate::{read_certificates, verify_chain};

use super::{MEBIBYTE, measure};

const CHAIN: &str = include_str!("../../tests/corpus/certificate/chain.pem");
const ROOT: &str = include_str!("../../tests/corpus/certificate/root.pem");

/// 2026-01-01, inside the time of all of them.
const NOW: i64 = 1_767_225_600;

#[divan::bench]
fn read(bencher: Bencher) {
    let text = CHAIN.repeat(MEBIBYTE / CHAIN.len());
    measure(bencher, &text, |text| read_certificates(text).unwrap());
}

#[divan::bench]
fn to_pem(bencher: Bencher) {
    let text = CHAIN.repeat(MEBIBYTE / CHAIN.len());
    let all = read_certificates(&text).unwrap();
    measure(bencher, &text, |_| all.iter().map(|one| one.to_pem().len()).sum::<usize>());
}

/// Measures chains, not bytes: nearly all of it is the arithmetic of two signatures.
#[divan::bench]
fn verify(bencher: Bencher) {
    let (chain, roots) = (read_certificates(CHAIN).unwrap(), read_certificates(ROOT).unwrap());
    assert_eq!(verify_chain(&chain, &roots, NOW), Ok(()));
    bencher.counter(1u32).bench(|| verify_chain(black_box(&chain), &roots, NOW));
}
