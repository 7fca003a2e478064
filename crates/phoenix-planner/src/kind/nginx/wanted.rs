//! What nginx reads in a container when everything is as declared.

use std::collections::BTreeMap;

use phoenix_formats::Vmid;
use phoenix_formats::nginx::{ListenProblem, Rewrite, Socket, listen_on_all_interfaces};

use super::super::nginx_site::{self, Disk, Reading};
use super::{ENABLED, target_of, tls};
use crate::desired::{Container, Nginx};
use crate::location::AbsolutePath;
use crate::probe::{Facts, Probe};

/// The declared files as they are to be written, and what nginx reads then.
pub(super) struct Wanted {
    pub(super) texts: BTreeMap<AbsolutePath, String>,
    pub(super) reading: Reading,
    /// Sites of a public interface that cannot be made to listen on all interfaces.
    pub(super) problems: Vec<(AbsolutePath, ListenProblem)>,
    /// How many `listen` lines differ from what is declared.
    pub(super) edited: usize,
}

/// Lays declared files and links over a disk.
pub(super) fn lay<'a>(nginx: &'a Nginx, disk: &mut Disk<'a>) {
    for (path, file) in &nginx.files {
        disk.put(path.clone(), &file.text);
    }
    let link = |name: &str| -> AbsolutePath {
        format!("{ENABLED}/{name}").parse().expect("a site's name is one part of a path")
    };
    for name in &nginx.removed {
        disk.link(link(name), None);
    }
    for name in &nginx.enabled {
        disk.link(link(name), Some(target_of(name)));
    }
}

/// Returns the sites that a public interface keeps on all interfaces.
pub(super) fn public_sites(container: Option<&Container>) -> &[AbsolutePath] {
    let public = container.and_then(|container| container.public.as_ref());
    public.filter(|public| public.enabled).map_or(&[], |public| &public.nginx_sites)
}

fn disk<'a>(nginx: &'a Nginx, vmid: Vmid, facts: &'a Facts) -> Disk<'a> {
    let mut disk = Disk::new(vmid, facts);
    lay(nginx, &mut disk);
    disk
}

/// Asks for what nginx reads now, for what it will read, and for the certificates that either names.
pub(super) fn probes(
    container: Option<&Container>,
    nginx: &Nginx,
    vmid: Vmid,
    facts: &Facts,
) -> Vec<Probe> {
    let sites = public_sites(container);
    let disks = [Disk::new(vmid, facts), disk(nginx, vmid, facts)];
    let of = |disk: &Disk<'_>| {
        let mut probes = nginx_site::reading_probes(sites, disk);
        probes.extend(tls::probes(vmid, &Reading::of(disk, sites)));
        probes
    };
    disks.iter().flat_map(of).collect()
}

impl Wanted {
    pub(super) fn of(
        container: Option<&Container>,
        nginx: &Nginx,
        vmid: Vmid,
        facts: &Facts,
    ) -> Self {
        let texts = nginx.files.iter().map(|(path, file)| (path.clone(), file.text.to_string()));
        let mut texts = texts.collect::<BTreeMap<_, _>>();
        let sites = public_sites(container);
        let mut reading = Reading::of(&disk(nginx, vmid, facts), sites);
        let (mut problems, mut edited) = (Vec::new(), 0);
        for path in sites {
            let Some(text) = texts.get_mut(path) else { continue };
            let Rewrite { text: after, changes, problems: found } = rewrite(path, text, &reading);
            if found.is_empty() {
                edited += changes.len();
                reading.replace(path, &after);
                *text = after;
            }
            problems.extend(found.into_iter().map(|problem| (path.clone(), problem)));
        }
        Self { texts, reading, problems, edited }
    }

    /// Returns the TCP sockets for which the files ask, as ss(8) writes them.
    pub(super) fn sockets(&self) -> Vec<String> {
        sockets(&self.reading)
    }
}

/// Returns the TCP sockets for which files ask.
pub(super) fn sockets(reading: &Reading) -> Vec<String> {
    let sockets = reading.loaded().sockets();
    let tcp = sockets.iter().filter(|socket| !matches!(socket, Socket::Unix(_)));
    tcp.map(ToString::to_string).collect()
}

fn rewrite(path: &AbsolutePath, text: &str, reading: &Reading) -> Rewrite {
    let among_others = reading
        .loaded_path(path)
        .and_then(|loaded| reading.loaded().listen_on_all_interfaces(&loaded));
    among_others.unwrap_or_else(|| listen_on_all_interfaces(text))
}
