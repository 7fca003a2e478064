//! The setting `startup`: when a container starts and stops.

use std::str::FromStr;

use crate::property::check;

/// Says when a container starts with the node (pct.conf(5), `startup`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Startup {
    /// Place among the guests: low numbers start first and stop last.
    pub order: Option<u64>,
    /// Seconds to wait after its start.
    pub up: Option<u64>,
    /// Seconds to wait for its stop.
    pub down: Option<u64>,
}

/// Says that a text is not a `startup` value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{input}` does not say when to start, as `order=1,up=5,down=10` does")]
pub struct ParseStartupError {
    input: String,
}

impl FromStr for Startup {
    type Err = ParseStartupError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseStartupError { input: text.to_owned() };
        check::startup(text).map_err(|_| error())?;
        let mut startup = Self::default();
        for part in text.split(',').filter(|part| !check::is_blank(part)) {
            let (key, number) = part.split_once('=').unwrap_or(("order", part));
            let number = Some(number.parse().map_err(|_| error())?);
            match key {
                "up" => startup.up = number,
                "down" => startup.down = number,
                _ => startup.order = number,
            }
        }
        Ok(startup)
    }
}
