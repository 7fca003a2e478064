//! The node's dnsmasq: the names that it gives, whom it asks for all others, and where it listens.
//!
//! phoenix owns one file, [`OWN`], with everything that is declared; in `/etc/dnsmasq.conf` only the
//! line that reads it is added, where none does. All other lines and files are the operator's, and stay.
//! A line of theirs that contradicts what is declared is refused with its place, since dnsmasq would not
//! say so: it gives two addresses, asks two servers, or does not start.
//!
//! Deliberately not understood: DHCP, and `/etc/default/dnsmasq`, which holds options of the command
//! line. What Debian's service gives there unasked is in [`reading`].

mod blame;
mod file;
mod reading;
mod verify;

use phoenix_formats::dnsmasq::DnsmasqConf;

use self::reading::Reading;
pub(super) use self::reading::is_foreign;
use super::package;
use crate::address::Address;
use crate::desired::{Desired, DnsServer};
use crate::location::{Location, Place};
use crate::observed::Observed;
use crate::operation::{Check, Operation, Want, Write};
use crate::plan::{Action, Disruption, Draft, Verb};
use crate::probe::{Facts, Probe, argv};
use crate::refusal::Refusal;

/// The file with which dnsmasq begins.
const MAIN: &str = "/etc/dnsmasq.conf";
/// The folder of further files.
const FOLDER: &str = "/etc/dnsmasq.d";
/// The file that is phoenix's own.
const OWN: &str = "/etc/dnsmasq.d/00-phoenix-internal.conf";

/// Reads the folder, without backup copies and what editors and packages leave behind.
const CONF_DIR: (&str, &str) = ("conf-dir", "/etc/dnsmasq.d/,*.conf");

/// How `/etc/dnsmasq.conf` begins where there is none.
const NEW_MAIN: &str = "# dnsmasq(8) begins here. Lines of your own stay; phoenix only needs the one that reads its file.\n";

/// Permission bits of new files: nothing in them is secret, and dnsmasq reads them as another user.
const FILE_MODE: u32 = 0o644;

/// Returns the DNS server that is declared and kept.
pub(super) fn declared(desired: &Desired) -> Option<&DnsServer> {
    desired.dns.as_ref().filter(|dns| dns.enabled)
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    declared(desired).map(|_| reading::probes(facts)).unwrap_or_default()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    let Some(dns) = declared(observed.desired) else { return Ok(()) };
    let address = Address::new("dnsmasq", "records");
    if package::is_out_of_reach(observed, package::DNSMASQ_PROGRAM, draft) {
        draft.defer(address, "dnsmasq is not installed");
        return Ok(());
    }
    let present = Reading::new(observed.facts);
    owned(&present)?;
    let own = file::render(observed.desired, dns, &present);
    let main = main_file(&present, &own)?;
    let after = present.with(OWN, &own).with(MAIN, &main);
    verify::verify(observed, dns, &after)?;
    let changes = [(OWN, own), (MAIN, main)];
    let changed = changes.into_iter().filter(|(path, text)| present.text(path) != Some(text));
    let changed = changed.collect::<Vec<_>>();
    if !changed.is_empty() {
        let action = Action {
            address,
            verb: if present.text(OWN).is_none() { Verb::Add } else { Verb::Change },
            reason: file::reason(present.text(OWN), after.text(OWN).unwrap_or_default()),
            disruption: Disruption::None,
            guest: None,
            origin: Some(dns.origin.clone()),
            attributes: Vec::new(),
            notes: verify::notes(observed, &after),
            operations: operations(&present, changed),
        };
        let program = package::planned(package::DNSMASQ_PROGRAM, draft);
        draft.add(action, &program.into_iter().collect::<Vec<_>>());
    }
    Ok(())
}

/// Refuses to replace a file that somebody else has made under the name of phoenix's own.
fn owned(present: &Reading) -> Result<(), Vec<Refusal>> {
    match present.text(OWN) {
        Some(text) if !text.trim().is_empty() && !file::is_own(text) => {
            let message = "this file has the name of phoenix's own, and phoenix has not written it";
            let help = "Declare what it says, move it away, then plan again. A script that phoenix \
                        replaces may have written it.";
            Err(vec![Refusal::file(&Location::node(OWN), Some(1), message, help)])
        }
        _ => Ok(()),
    }
}

/// Returns the text that `/etc/dnsmasq.conf` shall have: it must lead to phoenix's own file.
fn main_file(present: &Reading, own: &str) -> Result<String, Vec<Refusal>> {
    let text = present.text(MAIN).unwrap_or(NEW_MAIN);
    if present.with(OWN, own).leads_from(MAIN, OWN) {
        return Ok(text.to_owned());
    }
    let (option, value) = CONF_DIR;
    DnsmasqConf::parse(text).with_option(option, Some(value)).map_err(|error| {
        let help = "Mend the file by hand, then plan again.";
        vec![Refusal::file(&Location::node(MAIN), None, error.to_string(), help)]
    })
}

/// Writes the files and has dnsmasq itself judge them, together as its service reads them. When it says
/// no, the old files are put back, and the service, which has not read the new ones, goes on.
fn operations(present: &Reading, changed: Vec<(&str, String)>) -> Vec<Operation> {
    let write = |(path, after): (&str, String)| {
        let before = present.text(path).map(str::to_owned);
        Operation::Write(Write::new(Location::node(path), before, after, FILE_MODE))
    };
    let test = Check {
        probe: Probe::Run {
            place: Place::Node,
            argv: argv([
                "dnsmasq",
                "--test",
                &format!("--conf-file={MAIN}"),
                &format!("--conf-dir={}", reading::SERVICE_DIR),
            ]),
        },
        want: Want::Success,
        attempts: 1,
        pause: 0,
    };
    changed.into_iter().map(write).chain([Operation::Check(test)]).collect()
}
