//! What programs must say of services, guests and settings.

use super::success;
use crate::probe::Output;

/// What `arp_ignore` and `arp_announce` must be at least: answer only on the interface that has the
/// address, and ask with an address of the interface (ip-sysctl in the kernel's documentation).
const ARP: [(&str, u32); 2] = [("arp_ignore", 1), ("arp_announce", 2)];

/// The greater of `all` and the interface's own value is in force.
pub(super) fn own_arp_only(output: &Output, interfaces: &[String]) -> Result<(), String> {
    success(output)?;
    let values = output.stdout.lines().map(|line| line.trim().parse::<u32>());
    let values = values.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let (all, own) = values.split_at(ARP.len().min(values.len()));
    if all.len() + own.len() != ARP.len() * (interfaces.len() + 1) {
        return Err("it does not say all that was asked".to_owned());
    }
    for (interface, own) in interfaces.iter().zip(own.chunks(ARP.len())) {
        for (((name, least), all), own) in ARP.iter().zip(all).zip(own) {
            let value = all.max(own);
            if value < least {
                return Err(format!("{name} of {interface} is {value}, not {least}"));
            }
        }
    }
    Ok(())
}

pub(super) fn names(output: &Output, words: &[String]) -> Result<(), String> {
    success(output)?;
    let missing = words.iter().filter(|word| !output.stdout.contains(word.as_str()));
    let missing = missing.cloned().collect::<Vec<_>>().join(", ");
    if missing.is_empty() { Ok(()) } else { Err(format!("it does not name {missing}")) }
}

pub(super) fn says(output: &Output, wanted: &str) -> Result<(), String> {
    let said = output.stdout.trim();
    if said == wanted {
        return Ok(());
    }
    if said.is_empty() {
        success(output)?;
    }
    Err(format!("it is `{said}`, not `{wanted}`"))
}

pub(super) fn running(output: &Output, vmid: u32) -> Result<(), String> {
    success(output)?;
    let number = vmid.to_string();
    let row = output.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let status = row.into_iter().find(|words| words.first() == Some(&number.as_str()));
    match status.as_deref() {
        Some([_, "running", ..]) => Ok(()),
        Some([_, status, ..]) => Err(format!("it is {status}")),
        _ => Err("there is no such container".to_owned()),
    }
}

pub(super) fn firewall(output: &Output, enabled: bool) -> Result<(), String> {
    success(output)?;
    let said = output.stdout.trim();
    let status = said.strip_prefix("Status:").unwrap_or(said).trim();
    let wanted = if enabled { "enabled/running" } else { "disabled/running" };
    if status == wanted { Ok(()) } else { Err(format!("it is {status}, not {wanted}")) }
}
