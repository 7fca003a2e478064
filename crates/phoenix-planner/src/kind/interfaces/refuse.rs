//! Which stanza is the node's own, and why the bridge is not changed.

use ipnet::Ipv4Net;
use phoenix_formats::BridgeName;
use phoenix_formats::interfaces::Stanza;

use super::edit::{self, Edited, Fault};
use super::files::{self, File, Files};
use super::{Own, STAGED};
use crate::desired::Located;
use crate::location::Location;
use crate::observed::Observed;
use crate::refusal::Refusal;

/// Returns the stanza that configures the node's own address. Another one may stand beside it where all
/// that it brings is an address in another subnet, as interfaces(5) allows.
pub(super) fn stanza<'a>(
    observed: &Observed<'_>,
    bridge: &'a Located<BridgeName>,
    files: &'a Files,
) -> Result<(&'a File, &'a Stanza), Refusal> {
    let all = files.stanzas(bridge.value.as_str());
    let wanted = observed.desired.network.address.as_ref().map(|address| address.value);
    let mut main = all.iter().filter(|(_, stanza)| edit::is_main(stanza));
    let main = match (main.next(), main.next(), all.as_slice()) {
        (_, _, []) => return Err(missing(observed, bridge, files)),
        (_, _, [one]) => return Ok(*one),
        (Some(main), None, _) => *main,
        (_, _, [first, .., last]) => return Err(twice(&bridge.value, *first, *last)),
    };
    let clash = |(_, stanza): &&(&File, &Stanza)| {
        *stanza != main.1
            && edit::addresses(stanza)
                .iter()
                .any(|net| wanted.is_some_and(|w| same_subnet(*net, w)))
    };
    match all.iter().find(clash) {
        Some(other) => Err(twice(&bridge.value, main, *other)),
        None => Ok(main),
    }
}

fn same_subnet(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b.addr()) || b.contains(&a.addr())
}

/// Refuses two stanzas of which each could be meant; the later one is pointed at.
fn twice(name: &BridgeName, one: (&File, &Stanza), other: (&File, &Stanza)) -> Refusal {
    let (file, stanza) = other;
    let (first, line) = (&one.0.at, one.1.line);
    let message = format!("a second stanza configures `{name}`: the other one is {first}:{line}");
    let help = format!(
        "Keep one `iface {name} inet` with all lines that are needed, and remove the other."
    );
    Refusal::file(&file.at, Some(stanza.line), message, help)
}

fn missing(observed: &Observed<'_>, bridge: &Located<BridgeName>, files: &Files) -> Refusal {
    let name = &bridge.value;
    if let Some((at, line, word)) = files.not_followed.first() {
        let message =
            format!("no stanza for `{name}` is found, and phoenix cannot follow `{word}`");
        let help =
            format!("Move the stanza of `{name}` to {}, or name its file in full.", files::MAIN);
        return Refusal::file(at, Some(*line), message, help);
    }
    let network = &observed.desired.network;
    let address = network.address.as_ref().map(|address| format!(" / address {}", address.value));
    let gateway = network.gateway.as_ref().map(|gateway| format!(" / gateway {}", gateway.value));
    let text = format!(
        "auto {name} / iface {name} inet static{}{} / bridge-ports NIC / bridge-stp off / bridge-fd 0",
        address.unwrap_or_default(),
        gateway.unwrap_or_default(),
    );
    let message = format!("{} has no stanza that configures IPv4 on `{name}`", files::MAIN);
    let help = format!(
        "Which NIC is its port is not declared, so make it by hand, then plan again: {text}."
    );
    Refusal::declared(&bridge.origin, message, help)
}

pub(super) fn faulty(file: &File, stanza: &Stanza, fault: Fault) -> Refusal {
    match fault {
        Fault::Several { option, lines } => {
            let last = lines.last().copied();
            let lines = lines.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
            let message = format!("lines {lines} each give `{option}`, and none is as declared");
            let help = format!("Remove all but the `{option}` that the node is reached by.");
            Refusal::file(&file.at, last, message, help)
        }
        Fault::Method(method) => {
            let message = format!("the method is `{method}`, which has no fixed address");
            let help = "Write `static` there, or take `address` out of `network.interfaces`.";
            Refusal::file(&file.at, Some(stanza.line), message, help)
        }
        Fault::Form(error) => {
            let message = format!("the stanza cannot be edited: {error}");
            let help = "Write its head and options on one line each, without `\\` at the end.";
            Refusal::file(&file.at, Some(stanza.line), message, help)
        }
    }
}

/// Refuses to leave a gateway behind that the node could not reach any more.
pub(super) fn lost_gateway(
    observed: &Observed<'_>,
    own: &Own<'_>,
    stanza: &Stanza,
) -> Option<Refusal> {
    let address = own.address?;
    if observed.desired.network.gateway.is_some() {
        return None;
    }
    let gateways = edit::gateways(stanza);
    let (_, gateway) = gateways.iter().find(|(_, ip)| !address.value.contains(ip))?;
    let was_inside = edit::addresses(stanza).iter().any(|net| net.contains(gateway));
    was_inside.then(|| {
        let message = format!("the node's gateway {gateway} is outside {}", address.value.trunc());
        let help = "Declare `network.interfaces.gateway` too.";
        Refusal::declared(&address.origin, message, help)
    })
}

/// Refuses a second default gateway: which one counts would depend on the order of coming up.
pub(super) fn second_gateway(
    observed: &Observed<'_>,
    files: &Files,
    stanza: &Stanza,
) -> Option<Refusal> {
    let gateway = observed.desired.network.gateway.as_ref()?;
    if !edit::gateways(stanza).is_empty() {
        return None;
    }
    let (place, other) = files::other_gateways(files, stanza).into_iter().next()?;
    let message = format!("the node has a default gateway already: {other} at {place}");
    let help = "Remove that line, or take `gateway` out of `network.interfaces`.";
    Some(Refusal::declared(&gateway.origin, message, help))
}

/// Refuses to write beside changes that somebody has staged: theirs would undo these at the next boot.
pub(super) fn staged(observed: &Observed<'_>, edited: &Edited) -> Option<Refusal> {
    let at = Location::node(STAGED);
    observed.facts.text(&at).filter(|_| !edited.changes.is_empty())?;
    let message = "changes wait here that were made in the web interface and not applied";
    let help = "Apply or revert them there (the node, System, Network), then plan again.";
    Some(Refusal::file(&at, None, message, help))
}

pub(super) fn template(file: &File, edited: &Edited) -> Option<Refusal> {
    (files::is_template(&file.parsed) && !edited.changes.is_empty()).then(|| {
        let message = "the file is a template of ifupdown2, which phoenix does not work out";
        let help =
            "Move the bridge's stanza to a file of its own without `%` lines, or edit it by hand.";
        Refusal::file(&file.at, None, message, help)
    })
}
