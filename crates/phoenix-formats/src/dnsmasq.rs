//! Configuration of dnsmasq(8), measured on dnsmasq 2.90 as Debian builds it.
//!
//! Owns: the options of one file ([`DnsmasqConf`]) with the verdict that `dnsmasq --test` gives on them, what is
//! accepted there and wrong all the same (its warnings), the files that dnsmasq reads together ([`Loaded`]), the names
//! that they give ([`Answers`]), and edits of single lines.
//!
//! Deliberately not understood: values of DHCP, TFTP, DNSSEC and authoritative zones beyond the checks in `check`, the
//! names of leases, what a script prints (`conf-script`), and control characters outside of quotes.

mod answer;
mod check;
mod conf;
mod domain;
mod lines;
mod load;
mod setting;
mod table;
mod value;
mod warn;
mod zone;

pub use answer::{Answer, Record, RecordType};
pub use conf::{ConfOption, DnsmasqConf, EditError, Verdict};
pub use domain::{Domain, Server};
pub use load::{ConfFiles, Loaded, dir_reads};
pub use setting::{Given, Route, Setting};
pub use zone::Answers;
