//! Lowering of where step(1) in a guest asks the certificate authority.

use std::collections::BTreeMap;

use phoenix_formats::Vmid;

use super::finding::Finding;
use super::part::Lowering;
use crate::declared::{ContainerFile, Number};
use crate::desired::Located;
use crate::source::{FileKind, Origin};

impl Lowering {
    /// Lowers `bootstrap_ca_url` of all containers.
    pub(super) fn bootstrap_urls(
        &mut self,
        file: &ContainerFile,
    ) -> BTreeMap<Vmid, Located<String>> {
        let root = Origin::file(FileKind::Containers).at("lxc_configs");
        let mut urls = BTreeMap::new();
        for (Number(vmid), container) in file.lxc_configs.iter().flatten() {
            let Some(url) = container.as_ref().and_then(|one| one.bootstrap_ca_url.as_deref())
            else {
                continue;
            };
            let origin = root.at(vmid).at("bootstrap_ca_url");
            if self.is_authority_url(url, &origin) {
                urls.insert(*vmid, Located { value: url.to_owned(), origin });
            }
        }
        urls
    }

    /// step(1) speaks TLS only, and an argument must not be taken for an option.
    fn is_authority_url(&mut self, url: &str, origin: &Origin) -> bool {
        let host = url.strip_prefix("https://").unwrap_or_default();
        let odd = |c: char| c.is_whitespace() || c.is_control();
        if !host.is_empty() && !host.starts_with([':', '/']) && !host.contains(odd) {
            return true;
        }
        let message = format!("`{url}` cannot be the address of a certificate authority");
        let finding = Finding::error(origin.clone(), message).label("not `https://…`");
        self.push(finding.help("Write one such as `https://ca.internal.example.com:9000`."));
        false
    }
}
