//! What the proxy's files say.

use std::collections::BTreeMap;

use phoenix_formats::yaml::Yaml;

use super::{FOLDER, STORAGE};
use crate::desired::{Desired, Routed};
use crate::kind::step_ca::PORT;

/// The first line, by which phoenix knows its files again.
const HEADER: &str =
    "# Written by phoenix: declare changes in its files, those made here are lost.";

/// The entry points: where it listens, and under which name.
const WEB: (&str, &str) = ("web", ":80");
const WEBSECURE: (&str, &str) = ("websecure", ":443");

/// The name by which routes get their certificates.
const RESOLVER: &str = "step-ca";

/// How many hours a certificate of step-ca is good for, where nobody has told it another number. Traefik takes 90 days
/// for granted, and then looks only once a day: by that time these have ended.
const HOURS: i64 = 24;

/// The name of the dashboard in the domain.
pub(crate) const DASHBOARD: &str = "traefik";

/// Returns whether phoenix has written a file.
pub(super) fn is_own(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.trim_end() == HEADER)
}

/// Returns the whole text of a file.
pub(super) fn render(value: &Yaml) -> String {
    format!("{HEADER}\n{}", value.render())
}

/// Returns what is read at the start.
pub(super) fn settings(desired: &Desired) -> Yaml {
    let point = |(name, address): (&'static str, &'static str)| {
        (name, Yaml::map([("address", Yaml::text(address))]))
    };
    let file = Yaml::map([("directory", Yaml::text(FOLDER)), ("watch", Yaml::Bool(true))]);
    let mut members = vec![
        ("api", Yaml::map([("dashboard", Yaml::Bool(true))])),
        ("entryPoints", Yaml::map([WEB, WEBSECURE].map(point))),
        (
            "global",
            Yaml::map([
                ("checkNewVersion", Yaml::Bool(false)),
                ("sendAnonymousUsage", Yaml::Bool(false)),
            ]),
        ),
        ("ping", Yaml::map([("entryPoint", Yaml::text(WEB.0))])),
        ("providers", Yaml::map([("file", file)])),
    ];
    members.extend(resolver(desired).map(|one| ("certificatesResolvers", one)));
    overlaid(Yaml::map(members), desired.trust.proxy.over_static.as_ref())
}

fn overlaid(value: Yaml, over: Option<&Yaml>) -> Yaml {
    match over {
        Some(over) => value.overlaid(over.clone()),
        None => value,
    }
}

/// Returns who gives certificates. Its root is in the container's trust store.
fn resolver(desired: &Desired) -> Option<Yaml> {
    let authority = desired.trust.authority.as_ref()?;
    let server = format!("https://{}:{PORT}/acme/acme/directory", authority.dns_name);
    let challenge = Yaml::map([("entryPoint", Yaml::text(WEB.0))]);
    let mut acme = vec![
        ("caServer", Yaml::text(server)),
        ("certificatesDuration", Yaml::Integer(HOURS)),
        ("httpChallenge", challenge),
        ("storage", Yaml::text(STORAGE)),
    ];
    acme.extend(desired.trust.proxy.email.as_ref().map(|email| ("email", Yaml::text(email))));
    Some(Yaml::map([(RESOLVER, Yaml::map([("acme", Yaml::map(acme))]))]))
}

/// Returns the routes.
pub(super) fn dynamic(desired: &Desired) -> Yaml {
    let proxy = &desired.trust.proxy;
    let tls = tls(desired);
    let mut routers = BTreeMap::new();
    let mut services = BTreeMap::new();
    let mut transports = BTreeMap::new();
    for (name, routed) in &proxy.services {
        // A dot in a name is a step of the way to a member for Traefik's other providers.
        let name = name.replace('.', "-");
        routers.insert(name.clone(), router(&name, routed, &tls));
        services.insert(name.clone(), service(&name, routed));
        if routed.tls {
            let server_name = Yaml::map([("serverName", Yaml::text(&routed.host))]);
            transports.insert(name, server_name);
        }
    }
    routers.extend(dashboard(desired, &tls));
    let mut http = vec![("routers", Yaml::Map(routers))];
    // Traefik takes an empty map for a mistake.
    if !services.is_empty() {
        http.push(("services", Yaml::Map(services)));
    }
    if !transports.is_empty() {
        http.push(("serversTransports", Yaml::Map(transports)));
    }
    let all = Yaml::map([("http", Yaml::map(http))]);
    let empty = Yaml::map([("http", Yaml::map([("routers", Yaml::map::<&str>([]))]))]);
    let all = if all == empty { Yaml::map::<&str>([]) } else { all };
    overlaid(all, proxy.over_dynamic.as_ref())
}

/// Without an authority Traefik serves with a certificate of its own.
fn tls(desired: &Desired) -> Yaml {
    match desired.trust.authority {
        Some(_) => Yaml::map([("certResolver", Yaml::text(RESOLVER))]),
        None => Yaml::map::<&str>([]),
    }
}

fn router(name: &str, routed: &Routed, tls: &Yaml) -> Yaml {
    let rule = routed.rule.clone().unwrap_or_else(|| format!("Host(`{}`)", routed.host));
    let mut members = vec![
        ("entryPoints", Yaml::texts([WEBSECURE.0])),
        ("rule", Yaml::text(rule)),
        ("service", Yaml::text(name)),
        ("tls", tls.clone()),
    ];
    if !routed.middlewares.is_empty() {
        members.push(("middlewares", Yaml::texts(routed.middlewares.clone())));
    }
    Yaml::map(members)
}

fn service(name: &str, routed: &Routed) -> Yaml {
    let server = Yaml::map([("url", Yaml::text(&routed.url))]);
    let mut members = vec![("servers", Yaml::List(vec![server]))];
    if routed.tls {
        members.push(("serversTransport", Yaml::text(name)));
    }
    Yaml::map([("loadBalancer", Yaml::map(members))])
}

fn dashboard(desired: &Desired, tls: &Yaml) -> Option<(String, Yaml)> {
    let domain = &desired.identity.domain.as_ref()?.value;
    let rule =
        format!("Host(`{DASHBOARD}.{domain}`) && (PathPrefix(`/api`) || PathPrefix(`/dashboard`))");
    let router = Yaml::map([
        ("entryPoints", Yaml::texts([WEBSECURE.0])),
        ("rule", Yaml::text(rule)),
        ("service", Yaml::text("api@internal")),
        ("tls", tls.clone()),
    ]);
    Some(("phoenix-dashboard".to_owned(), router))
}

/// Returns the routes of a file by name, each as one line.
pub(super) fn routes(file: &Yaml) -> BTreeMap<String, String> {
    let http = file.get("http");
    let Some(Yaml::Map(routers)) = http.and_then(|http| http.get("routers")) else {
        return BTreeMap::new();
    };
    let text = |value: Option<&Yaml>| match value {
        Some(Yaml::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let shown = routers.iter().map(|(name, router)| {
        let service = text(router.get("service"));
        let servers = http.and_then(|http| {
            http.get("services")?.get(&service)?.get("loadBalancer")?.get("servers")
        });
        let first = match servers {
            Some(Yaml::List(servers)) => servers.first().and_then(|server| server.get("url")),
            _ => None,
        };
        let to = first.map_or_else(|| service.clone(), |url| text(Some(url)));
        (name.clone(), format!("{} to {to}", text(router.get("rule"))))
    });
    shown.collect()
}
