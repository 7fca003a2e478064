//! What a virtual machine is made of and with.

use super::{Defaults, MOST_DISK};
use crate::declared;
use crate::desired::{Located, VmMaking, VmSource};
use crate::load::container::{LEAST_MEMORY, MOST_CORES};
use crate::load::finding::Finding;
use crate::load::part::Lowering;
use crate::location::AbsolutePath;
use crate::source::Origin;

/// Where an image is that is named without a folder: what Proxmox VE's own upload of `.img` files uses.
const IMAGES: &str = "/var/lib/vz/template/iso";

impl Lowering {
    /// Lowers what a virtual machine is made of, and what counts only when it is made.
    pub(super) fn vm_making(
        &mut self,
        declared: &declared::Vm,
        at: &Origin,
        defaults: &Defaults<'_>,
    ) -> (Option<VmSource>, VmMaking) {
        let source = self.source(declared, at);
        let making = VmMaking {
            cores: self.own_or_default(declared.cores, at, defaults, "cores"),
            memory: self.own_or_default(declared.memory_mb, at, defaults, "memory_mb"),
            disk: self.first_disk(declared, at, defaults),
            storage: self.vm_storage(declared, at, defaults),
            bridge: match (&declared.network_bridge, defaults.declared) {
                // It is lowered, and judged, as the machine's own.
                (Some(own), _) => {
                    own.parse().ok().map(|value| Located { value, origin: at.at("network_bridge") })
                }
                (None, Some(default)) => {
                    self.bridge(default.network_bridge.as_deref(), defaults.at.at("network_bridge"))
                }
                (None, None) => None,
            },
        };
        if let Some(VmSource::Image(image)) = &source
            && making.storage.is_none()
            && !self.findings.touches(&at.at("storage_pool"))
        {
            self.push(
                Finding::error(image.origin.clone(), "no storage is declared for the disk")
                    .label("its disk is made of this")
                    .help("Add `storage_pool` to the virtual machine or to `vm_defaults`."),
            );
        }
        (source, making)
    }

    /// Returns a number of the machine or of the defaults. Of its own it is judged elsewhere.
    fn own_or_default<T: TryFrom<u64>>(
        &mut self,
        own: Option<u64>,
        at: &Origin,
        defaults: &Defaults<'_>,
        key: &str,
    ) -> Option<T> {
        if own.is_some() || self.findings.touches(&at.at(key)) {
            return own.and_then(|number| T::try_from(number).ok());
        }
        let declared = defaults.declared?;
        let (number, limits) = match key {
            "cores" => (declared.cores, 1..=MOST_CORES),
            _ => (declared.memory_mb, LEAST_MEMORY..=u64::MAX),
        };
        self.default_number(number, defaults.at.at(key), limits)
    }

    /// Reads a number of the defaults: what is wrong with it is told once, not for every machine.
    fn default_number<T: TryFrom<u64>>(
        &mut self,
        number: Option<u64>,
        origin: Origin,
        limits: std::ops::RangeInclusive<u64>,
    ) -> Option<T> {
        if self.findings.touches(&origin) {
            return None;
        }
        self.number(number, origin, limits).map(|located| located.value)
    }

    fn first_disk(
        &mut self,
        declared: &declared::Vm,
        at: &Origin,
        defaults: &Defaults<'_>,
    ) -> Option<Located<u64>> {
        let located = |value, origin| Located { value, origin };
        if let Some(own) = declared.disk_size_gb {
            return Some(located(own, at.at("disk_size_gb")));
        }
        declared.clone_from_vmid.as_ref()?;
        let origin = defaults.at.at("disk_size_gb");
        let default = defaults.declared?.disk_size_gb;
        let value = self.default_number(default, origin.clone(), 1..=MOST_DISK)?;
        Some(located(value, origin))
    }

    fn vm_storage(
        &mut self,
        declared: &declared::Vm,
        at: &Origin,
        defaults: &Defaults<'_>,
    ) -> Option<String> {
        let default = defaults.declared.and_then(|defaults| defaults.storage_pool.as_ref());
        let (name, origin) = match (&declared.storage_pool, default) {
            (Some(own), _) => (own, at.at("storage_pool")),
            (None, Some(default)) => (default, defaults.at.at("storage_pool")),
            (None, None) => return None,
        };
        // A wrong default is said once, not for each machine.
        if self.findings.touches(&origin) {
            return None;
        }
        self.storage(Some(name), origin).map(|storage| storage.value)
    }

    fn source(&mut self, declared: &declared::Vm, at: &Origin) -> Option<VmSource> {
        let image_at = at.at("template_image");
        let image = declared.template_image.as_deref();
        let image = image.and_then(|image| self.image(image, image_at.clone()));
        let Some(number) = &declared.clone_from_vmid else {
            return image.map(VmSource::Image);
        };
        let origin = at.at("clone_from_vmid");
        if declared.template_image.is_some() {
            self.push(
                Finding::error(origin.clone(), "a virtual machine is made of one thing only")
                    .label("of this")
                    .with(image_at, "and of this")
                    .help("Remove one of the two."),
            );
        }
        // What is wrong with the number is told where dependencies are read.
        let value = number.as_str().parse().ok()?;
        Some(VmSource::Clone(Located { value, origin }))
    }

    fn image(&mut self, text: &str, origin: Origin) -> Option<Located<String>> {
        let volume = text.split_once(':').is_some_and(|(storage, name)| {
            !storage.contains('/') && storage.len() >= 2 && !name.is_empty()
        });
        let path = if text.contains('/') { text.to_owned() } else { format!("{IMAGES}/{text}") };
        let is_path = path.parse::<AbsolutePath>().is_ok();
        let plain = !text.contains(|c: char| c == ',' || c.is_whitespace() || c.is_control());
        if plain && !text.is_empty() && (volume || is_path) {
            let value = if volume { text.to_owned() } else { path };
            return Some(Located { value, origin });
        }
        self.push(
            Finding::error(origin, format!("`{text}` cannot be an image"))
                .label("not a file's name, path or volume")
                .help(format!("Write the name of a file in `{IMAGES}`, or an absolute path.")),
        );
        None
    }
}
