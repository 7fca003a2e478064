//! The routing tables of the public interface in a guest, and what a rule makes of a way.

use std::collections::BTreeSet;

use phoenix_formats::Vmid;
use phoenix_formats::iproute::TableRoute;
use phoenix_planner::probe::Output;

use super::live::note_path;
use super::{SimulatedNode, done};
use crate::node::NodeError;

impl SimulatedNode {
    /// Returns the routes of a table, those of links that are gone or down aside.
    pub(super) fn own_routes(&self, vmid: Vmid, number: &str) -> Vec<TableRoute> {
        let links = self.guest_routing(vmid).links;
        let up = links.iter().filter(|link| link.is_up()).map(|link| link.name.as_str());
        let up = up.collect::<BTreeSet<_>>();
        let all = self.noted_routes(vmid);
        let of_table = all.into_iter().filter(|(table, _)| table == number);
        of_table.map(|(_, route)| route).filter(|route| up.contains(&*route.device)).collect()
    }

    pub(super) fn noted_routes(&self, vmid: Vmid) -> Vec<(String, TableRoute)> {
        let route = |line: &str| {
            let words = line.split(' ').collect::<Vec<_>>();
            let (table, route) = words.split_first()?;
            Some(((*table).to_owned(), parse_route(route)?))
        };
        self.noted(vmid, "routes").lines().filter_map(route).collect()
    }

    pub(super) fn note_routes(
        &self,
        vmid: Vmid,
        routes: &[(String, TableRoute)],
    ) -> Result<(), NodeError> {
        let mut routes = routes.to_vec();
        // The order in which ip(8) shows them.
        routes.sort();
        let text = routes.iter().map(|(table, route)| format!("{table} {route}\n"));
        let text = text.collect::<String>();
        self.put_state(&note_path(vmid, "routes"), (!text.is_empty()).then_some(text.as_str()))
    }

    /// Answers `ip -json route get … from …` by a rule for the source, if there is one that decides.
    pub(super) fn route_by_rule(
        &self,
        vmid: Vmid,
        to: std::net::IpAddr,
        from: std::net::IpAddr,
    ) -> Option<Output> {
        let (std::net::IpAddr::V4(to), std::net::IpAddr::V4(from)) = (to, from) else {
            return None;
        };
        let routing = self.guest_routing(vmid);
        let is_own = |ip| routing.addresses().any(|own| own == std::net::IpAddr::V4(ip));
        if !is_own(from) || is_own(to) {
            return None;
        }
        let rules = self.own_rules(vmid);
        let rule = rules.iter().find(|rule| rule.source.is_some_and(|net| net.contains(&from)))?;
        let routes = self.own_routes(vmid, &rule.table);
        let on_link = |route: &&TableRoute| route.destination.is_some_and(|net| net.contains(&to));
        let route = routes.iter().find(on_link);
        let route = route.or_else(|| routes.iter().find(|route| route.destination.is_none()))?;
        let via = route.gateway.map(|gateway| format!("\"gateway\":\"{gateway}\","));
        let (via, device, table) = (via.unwrap_or_default(), &route.device, &rule.table);
        Some(done(format!(
            "[{{\"dst\":\"{to}\",\"from\":\"{from}\",{via}\"dev\":\"{device}\",\"table\":\"{table}\",\"flags\":[],\"uid\":0,\"cache\":[]}}]\n"
        )))
    }
}

/// Reads `default via GATEWAY dev DEVICE` or `NET dev DEVICE`, with or without a scope.
pub(super) fn parse_route(words: &[&str]) -> Option<TableRoute> {
    let words = words.strip_suffix(&["scope", "link"]).unwrap_or(words);
    let (to, gateway, device) = match words {
        [to, "via", gateway, "dev", device] => (to, Some(gateway.parse().ok()?), device),
        [to, "dev", device] => (to, None, device),
        _ => return None,
    };
    let destination = if *to == "default" { None } else { Some(to.parse().ok()?) };
    Some(TableRoute { destination, gateway, device: (*device).to_owned() })
}
