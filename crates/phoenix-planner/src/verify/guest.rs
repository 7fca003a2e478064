//! What every declared container must show: that it runs, and its internal interface.

use crate::desired::{Container, InternalInterface, Ipv4Config};
use crate::kind::lxc;
use crate::location::Place;
use crate::observed::{Observed, list_argv};
use crate::operation::Want;
use crate::verify::{Ask, Check, Vantage, run};

pub(super) fn checks(observed: &Observed<'_>, container: &Container) -> Vec<Check> {
    if observed.config(container.vmid).is_none() {
        return vec![running(container).skipped("not created yet")];
    }
    let starts = container.onboot.as_ref().is_some_and(|onboot| onboot.value);
    let stopped = !observed.is_running(container.vmid);
    let running = match (starts, stopped) {
        (false, true) => running(container).skipped("stopped, and not declared to start at boot"),
        _ => running(container),
    };
    let net0 = container.net0.as_ref().and_then(|net0| internal(container, net0));
    [running].into_iter().chain(net0).collect()
}

fn running(container: &Container) -> Check {
    Check {
        address: lxc::address(container.vmid),
        title: "it runs".to_owned(),
        vantage: Vantage::Node,
        ask: run(Place::Node, list_argv(), Want::Running(container.vmid.get())),
        help: format!("Start it with `pct start {}`.", container.vmid),
    }
}

fn internal(container: &Container, net0: &InternalInterface) -> Option<Check> {
    let name = net0.name.to_string();
    let (title, want) = match net0.ip? {
        Ipv4Config::Static(ip) => {
            let mac = net0.mac.map(|mac| mac.to_string());
            let with_mac = mac.as_ref().map(|mac| format!(" and {mac}")).unwrap_or_default();
            let title = format!("{name} is up with {}{with_mac}", ip.addr());
            (title, Want::Interface { name, ip: ip.addr(), mac })
        }
        Ipv4Config::Dhcp | Ipv4Config::Manual => (format!("{name} is up"), Want::Up { name }),
    };
    Some(Check {
        address: lxc::address(container.vmid).part("net0"),
        title,
        vantage: Vantage::Guest(container.vmid),
        ask: Ask::Place { probe: lxc::links_probe(container), want },
        help: "Run `phoenix plan`; where it finds no changes, restart the container.".to_owned(),
    })
}
