//! YAML, as a proxy's static and dynamic configuration has it.

use divan::Bencher;
use phoenix_formats::yaml::{LONGEST, Yaml};

use super::{measure, repeat};

fn router(number: usize) -> String {
    format!(
        "router-{number}:\n  rule: Host(`shop{number}.example.net`)\n  entryPoints: [websecure]\n  service: 'shop {number}' # front end\n  priority: {number}\n  tls:\n    passthrough: true\n"
    )
}

/// Returns a text that is as long as one may be.
fn text() -> String {
    let mut text = repeat(router);
    while text.len() > LONGEST {
        text.truncate(text.rfind("router-").unwrap());
    }
    text
}

#[divan::bench]
fn parse(bencher: Bencher) {
    measure(bencher, &text(), |text| Yaml::parse(text).unwrap());
}

#[divan::bench]
fn render(bencher: Bencher) {
    let text = text();
    let value = Yaml::parse(&text).unwrap();
    measure(bencher, &text, |_| value.render());
}

#[divan::bench]
fn overlaid(bencher: Bencher) {
    let text = text();
    let value = Yaml::parse(&text).unwrap();
    measure(bencher, &text, |_| value.clone().overlaid(value.clone()));
}
