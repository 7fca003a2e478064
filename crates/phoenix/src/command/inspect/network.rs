//! interfaces(5) and rules of iptables-save(8).

use phoenix_formats::interfaces::{Interfaces, Phase, Stanza, StanzaKind};
use phoenix_formats::iptables::{Matched, PortRange, Rule, SavedRules, Spec, Target};

use super::text::{Annotated, count, sentence};

pub(super) fn interfaces(file: &Interfaces) -> String {
    let network = file.network();
    let mut notes: Vec<_> = file.stanzas().iter().map(|own| (own.line, stanza(own))).collect();
    for interface in network.interfaces() {
        let addresses = interface.addresses.iter();
        notes.extend(addresses.map(|address| {
            (
                address.line,
                format!(
                    "{} has {}",
                    address.label.as_ref().unwrap_or(&interface.name),
                    address.net
                ),
            )
        }));
    }
    for own in file.stanzas() {
        notes.extend(
            own.options.iter().filter_map(|option| {
                Some((option.line, option_words(&option.name, &option.value)?))
            }),
        );
    }
    notes.extend(file.commands().into_iter().map(|command| (command.line, runs(command.phase))));
    let counts = vec![
        count(network.interfaces().len(), "interface", "interfaces"),
        count(network.bridges().count(), "bridge", "bridges"),
    ];
    Annotated { text: file.text(), notes, warnings: file.warnings().to_vec(), counts }.render()
}

fn stanza(stanza: &Stanza) -> String {
    match &stanza.kind {
        StanzaKind::Names { keyword, names } => match keyword.as_str() {
            "auto" => format!("comes up at boot: {}", names.join(", ")),
            _ => format!("{keyword}: {}", names.join(", ")),
        },
        StanzaKind::Iface { name, family, method, .. } => {
            sentence([Some(format!("interface {name}:")), family.clone(), method.clone()])
        }
        StanzaKind::Source(source) => format!("reads {}", source.pattern),
        StanzaKind::Mapping { patterns } => {
            format!("mapping of {}, not understood", patterns.join(", "))
        }
    }
}

fn option_words(name: &str, value: &str) -> Option<String> {
    if value.is_empty() {
        return None;
    }
    Some(match name.replace('_', "-").as_str() {
        "bridge-ports" if value == "none" => "a bridge without ports".to_owned(),
        "bridge-ports" => {
            format!("a bridge of {}", value.split_whitespace().collect::<Vec<_>>().join(", "))
        }
        "bridge-vlan-aware" => format!("keeps VLANs apart: {value}"),
        "gateway" => format!("default gateway {value}"),
        "bond-slaves" => format!("a bond of {value}"),
        "vlan-raw-device" => format!("a VLAN on {value}"),
        "mtu" => format!("MTU {value}"),
        "hwaddress" => format!("MAC {value}"),
        "dns-nameservers" => format!("DNS servers {value}"),
        _ => return None,
    })
}

fn runs(phase: Phase) -> String {
    let when = match phase {
        Phase::PreUp => "before it comes up",
        Phase::PostUp => "after it came up",
        Phase::PreDown => "before it goes down",
        Phase::PostDown => "after it went down",
    };
    format!("a command that runs {when}")
}

pub(super) fn iptables(rules: &SavedRules) -> String {
    let mut notes: Vec<(usize, String)> = Vec::new();
    for table in rules.tables() {
        notes.push((table.line, format!("table {}", table.name)));
        notes.extend(table.chains.iter().map(|chain| {
            let policy =
                chain.policy.as_ref().map(|policy| format!(", {policy} if no rule decides"));
            (chain.line, format!("chain {}{}", chain.name, policy.unwrap_or_default()))
        }));
    }
    notes.extend(rules.rules().iter().map(|rule| (rule.line, described(rule))));
    let counts = vec![
        count(rules.tables().len(), "table", "tables"),
        count(rules.rules().len(), "rule", "rules"),
    ];
    Annotated { text: rules.text(), notes, warnings: rules.warnings().to_vec(), counts }.render()
}

fn described(rule: &Rule) -> String {
    let spec = rule.spec();
    if !spec.unknown.is_empty() {
        return format!("{}: not understood: {}", rule.chain, spec.unknown.join(" "));
    }
    let what = spec.target.as_ref().map_or("counts only".to_owned(), target);
    sentence([Some(format!("{}:", rule.chain)), Some(what), Some(packets(&spec))])
}

fn packets(spec: &Spec) -> String {
    let Spec {
        protocol,
        source,
        destination,
        in_interface,
        out_interface,
        dports,
        sports,
        ctstate,
        dst_type,
        src_type,
        tcp_flags,
        comment,
        target: _,
        unknown: _,
    } = spec;
    let one = |matched: &Option<Matched<String>>, words: &str| {
        said(matched.as_ref(), words, Clone::clone)
    };
    let nets = |nets: &Vec<_>| joined(nets, ToString::to_string);
    let ports = |ports: &Vec<_>| joined(ports, PortRange::to_string);
    sentence([
        one(protocol, ""),
        said(dports.as_ref(), "to port ", ports),
        said(sports.as_ref(), "from port ", ports),
        said(source.as_ref(), "from ", nets),
        said(destination.as_ref(), "to ", nets),
        one(in_interface, "in by "),
        one(out_interface, "out by "),
        said(ctstate.as_ref(), "in state ", |states| states.join(", ")),
        one(dst_type, "to a destination of type "),
        one(src_type, "from a source of type "),
        one(tcp_flags, "with flags "),
        comment.as_ref().map(|comment| format!("(\"{comment}\")")),
    ])
}

fn said<T>(
    matched: Option<&Matched<T>>,
    words: &str,
    show: impl Fn(&T) -> String,
) -> Option<String> {
    let Matched { negated, value } = matched?;
    Some(format!("{}{words}{}", if *negated { "not " } else { "" }, show(value)))
}

fn joined<T>(values: &[T], show: impl Fn(&T) -> String) -> String {
    values.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn target(target: &Target) -> String {
    let ports = |ports: &Option<PortRange>| {
        ports.map_or_else(String::new, |ports| format!(" port {ports}"))
    };
    match target {
        Target::Accept => "lets through".to_owned(),
        Target::Dnat { addresses, ports: to, base: _ } => {
            let address = addresses.map_or_else(
                || "the same address".to_owned(),
                |range| {
                    range.single().map_or_else(
                        || format!("{}-{}", range.first, range.last),
                        |one| one.to_string(),
                    )
                },
            );
            format!("sends on to {address}{}:", ports(to))
        }
        Target::Redirect { ports: to } => format!("sends to this machine{}:", ports(to)),
        Target::Snat { source } => format!("makes it come from {source}:"),
        Target::Masquerade => "makes it come from this machine:".to_owned(),
        Target::Goto(chain) => format!("goes to chain {chain}:"),
        Target::Other(name) => format!("{name}:"),
    }
}
