//! What programs must say of services, guests and settings.

use super::success;
use crate::probe::Output;

pub(super) fn lines(output: &Output, wanted: &[String]) -> Result<(), String> {
    success(output)?;
    let present = output.stdout.lines().map(str::trim).collect::<Vec<_>>();
    if present == *wanted {
        return Ok(());
    }
    Err(format!("it is {}, not {}", present.join(" "), wanted.join(" ")))
}

pub(super) fn mentions(output: &Output, text: &str) -> Result<(), String> {
    success(output)?;
    if output.stdout.lines().any(|line| line.contains(text)) {
        return Ok(());
    }
    Err(format!("it does not show `{text}`"))
}

pub(super) fn ends_with(output: &Output, text: &str) -> Result<(), String> {
    success(output)?;
    let said = output.stdout.trim_end();
    if said.ends_with(text) { Ok(()) } else { Err(format!("it is `{said}`")) }
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
