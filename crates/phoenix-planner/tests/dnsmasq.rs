//! The names of the DNS server: whoever claims them, the best claim is answered, and nothing else.

use std::collections::BTreeMap;
use std::net::IpAddr;

use phoenix_formats::dnsmasq::{Answers, DnsmasqConf, RecordType, Verdict};
use phoenix_planner::kind;
use phoenix_planner::load::{Strictness, load};
use phoenix_planner::location::Location;
use phoenix_planner::operation::{Operation, Write};
use phoenix_planner::plan::Plan;
use phoenix_planner::probe::{Answer, Facts, Probe};
use phoenix_planner::source::{FileKind, Sources};
use proptest::prelude::*;
use serde_json::{Value, json};

const DOMAIN: &str = "int.example.com";

/// The gateway of all cases, and its address.
const GATEWAY: (&str, &str) = ("101", "10.0.0.101");

/// The proxy of all cases, and its address.
const PROXY: (&str, &str) = ("110", "10.0.0.110");

/// Few names, so that several sources claim one.
const NAMES: [&str; 6] = ["a", "b", "c.d", "ca", "e-1", "traefik"];

#[derive(Debug, Clone)]
struct Guest {
    name: usize,
    service: Option<usize>,
    agent: Option<usize>,
    records: Vec<(usize, u8)>,
    authority: bool,
}

fn guest() -> impl Strategy<Value = Guest> {
    let name = 0..NAMES.len();
    let some = || proptest::option::of(0..NAMES.len());
    let records = proptest::collection::vec((0..NAMES.len(), 1..3_u8), 0..3);
    (name, some(), some(), records, any::<bool>()).prop_map(
        |(name, service, agent, records, authority)| Guest {
            name,
            service,
            agent,
            records,
            authority,
        },
    )
}

fn full(name: &str) -> String {
    format!("{name}.{DOMAIN}")
}

/// Returns the claims by name, each with its rank, as the manual has them.
fn claims(guests: &[Guest]) -> BTreeMap<String, Vec<(u8, IpAddr)>> {
    let mut claims: BTreeMap<String, Vec<(u8, IpAddr)>> = BTreeMap::new();
    let mut claim = |name: &str, rank, address: &str| {
        let address = address.parse().expect("an address");
        claims.entry(full(name)).or_default().push((rank, address));
    };
    for (number, guest) in guests.iter().enumerate() {
        let own = format!("10.0.0.{}", 101 + number);
        guest.records.iter().for_each(|(n, last)| claim(NAMES[*n], 1, &format!("10.0.1.{last}")));
        if guest.authority {
            claim("ca", 2, &own);
        }
        guest.agent.into_iter().for_each(|n| claim(NAMES[n], 3, &own));
        guest.service.into_iter().for_each(|n| claim(NAMES[n], 4, GATEWAY.1));
        claim(NAMES[guest.name], 5, &own);
    }
    claim("proxy", 5, PROXY.1);
    let is_routed = guests.iter().any(|guest| guest.service.is_some());
    claim("traefik", 6, if is_routed { GATEWAY.1 } else { PROXY.1 });
    claims
}

/// Returns what must be answered; nothing when two claims of the best rank of a name disagree.
fn wanted(guests: &[Guest]) -> Option<BTreeMap<String, IpAddr>> {
    let mut wanted = BTreeMap::new();
    for (name, claims) in claims(guests) {
        let best = claims.iter().map(|(rank, _)| *rank).min()?;
        let mut of_best = claims.iter().filter(|(rank, _)| *rank == best).map(|(_, a)| *a);
        let first = of_best.next()?;
        if of_best.any(|other| other != first) {
            return None;
        }
        wanted.insert(name, first);
    }
    let own = guests.iter().map(|guest| guest.name).collect::<std::collections::BTreeSet<_>>();
    // A host name is for one guest only.
    (own.len() == guests.len()).then_some(wanted)
}

fn sources(guests: &[Guest]) -> Sources {
    let container = |(number, guest): (usize, &Guest)| {
        let records = guest.records.iter();
        let records = records.map(
            |(n, last)| json!({ "hostname": full(NAMES[*n]), "ip": format!("10.0.1.{last}") }),
        );
        let features = if guest.authority { vec!["step_ca"] } else { Vec::new() };
        let value = json!({
            "name": NAMES[guest.name],
            "network_config": { "ip": format!("10.0.0.{}/24", 101 + number) },
            "traefik_service": { "name": guest.service.map(|n| NAMES[n]) },
            "portainer_agent_hostname": guest.agent.map(|n| full(NAMES[n])),
            "dns_records": records.collect::<Vec<_>>(),
            "features": features,
        });
        ((101 + number).to_string(), value)
    };
    let proxy = json!({
        "name": "proxy",
        "network_config": { "ip": format!("{}/24", PROXY.1) },
        "features": ["traefik"],
    });
    let containers = guests.iter().enumerate().map(container);
    let containers = containers.chain([(PROXY.0.to_owned(), proxy)]);
    let containers = containers.collect::<serde_json::Map<_, _>>();
    let hypervisor = json!({
        "domain_name": DOMAIN,
        "network": { "interfaces": { "address": "10.0.0.13/24" } },
        "dns_server": { "gateway": GATEWAY.0 },
    });
    let mut sources = Sources::default();
    let mut put = |kind, value: Value| drop(sources.files.insert(kind, value.to_string().into()));
    put(FileKind::Hypervisor, hypervisor);
    put(FileKind::Containers, json!({ "lxc_configs": containers }));
    sources
}

/// Returns the files that a plan writes for dnsmasq.
fn written(plan: &Plan) -> Vec<(Location, String)> {
    let operations = plan.steps().flat_map(|step| &step.action.operations);
    let written = operations.filter_map(|operation| match operation {
        Operation::Write(Write { at, after, .. }) => Some((at.clone(), after.clone())),
        _ => None,
    });
    written.filter(|(at, _)| at.path.as_str().starts_with("/etc/dnsmasq")).collect()
}

proptest! {
    #[test]
    fn the_best_claim_is_answered(guests in proptest::collection::vec(guest(), 1..4)) {
        let loaded = load(&sources(&guests), Strictness::Strict);
        let wanted = wanted(&guests);
        prop_assert_eq!(loaded.desired.is_some(), wanted.is_some(), "{:#?}", loaded.problems);
        let (Some(desired), Some(wanted)) = (loaded.desired, wanted) else { return Ok(()) };
        let plan = kind::plan(&desired, &Facts::default()).expect("nothing is in the way");
        let files = written(&plan);
        let confs = files.iter().map(|(_, text)| DnsmasqConf::parse(text)).collect::<Vec<_>>();
        prop_assert!(confs.iter().all(|conf| conf.verdict() == Verdict::Accepted));
        let answers = Answers::of(&confs);
        for (name, address) in &wanted {
            prop_assert_eq!(answers.ask(name, RecordType::A).addresses(), vec![*address], "{}", name);
            let below = format!("x.{name}");
            prop_assert!(wanted.contains_key(&below) || answers.ask(&below, RecordType::A).addresses().is_empty());
        }

        // With these files there is nothing left to do.
        let mut facts = Facts::default();
        for (at, text) in files {
            facts.insert(Probe::File(at), Answer::Text(text));
        }
        let folder = Probe::List(Location::node("/etc/dnsmasq.d"));
        facts.insert(folder, Answer::Names(vec!["00-phoenix-internal.conf".to_owned()]));
        let again = kind::plan(&desired, &facts).expect("nothing is in the way");
        prop_assert_eq!(written(&again), Vec::new());
    }
}
