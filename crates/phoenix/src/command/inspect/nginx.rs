//! nginx: where it listens, and what listening on all interfaces would do.

use phoenix_formats::nginx::{Listen, ListenAddress, ListenChange, NginxInspection};

use super::text::{Annotated, count};

pub(super) fn nginx(view: &NginxInspection, text: &str) -> String {
    let listens = view.listens.iter().map(|listen| (listen.line, listens(listen)));
    let includes = view.includes.iter();
    let includes = includes.map(|include| (include.line, format!("reads {}", include.pattern)));
    let changes = view.changes.iter().map(|change| (change.line, changes(change)));
    let warnings = [view.problems.clone(), view.listen_problems.clone()].concat();
    Annotated {
        text,
        notes: listens.chain(includes).chain(changes).collect(),
        warnings,
        counts: vec![
            count(view.listens.len(), "listen", "listens"),
            format!("{} would change to listen on all interfaces", view.changes.len()),
        ],
    }
    .render()
}

fn listens(listen: &Listen) -> String {
    let place = match &listen.address {
        ListenAddress::Wildcard4 => "every IPv4 address".to_owned(),
        ListenAddress::Wildcard6 => "every IPv6 address".to_owned(),
        ListenAddress::Loopback(address) => format!("this machine alone ({address})"),
        ListenAddress::Ip4(address) => format!("{address} alone"),
        ListenAddress::Ip6(address) => format!("{address} alone"),
        ListenAddress::Unix(path) => return format!("listens on the socket {path}"),
        ListenAddress::Name(name) => format!("`{name}`, looked up at the start"),
        ListenAddress::Invalid(text) => return format!("nginx refuses `{text}`"),
    };
    let params = match listen.params.as_slice() {
        [] => String::new(),
        params => format!(" ({})", params.join(", ")),
    };
    format!("listens on {place}, port {}{params}", listen.ports)
}

fn changes(change: &ListenChange) -> String {
    match &change.after {
        Some(after) => format!("to listen on all interfaces: `{after}`"),
        None => "to listen on all interfaces: goes, as another line says the same then".to_owned(),
    }
}
