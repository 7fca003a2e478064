//! The files of a lab: a copy of the captured folder, and what a place needs to run real programs.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use phoenix_formats::NodeName;
use phoenix_formats::nginx::NginxConf;
use rustix::fs::{AtFlags, Mode, OFlags};

use super::error::LabError;
use super::folder::Folder;
use super::run::{run, words};
use crate::local::root::{Missing, Root};

/// What a captured node consists of.
const CAPTURED: [&str; 5] = ["fs", "guests", "live", "node.json", "answers.json"];

/// Files that programs expect, taken from this machine where a place has none.
const COMMON: [&str; 8] = [
    "etc/passwd",
    "etc/group",
    "etc/nsswitch.conf",
    "etc/protocols",
    "etc/services",
    "etc/nginx/mime.types",
    "etc/nginx/fastcgi_params",
    "etc/nginx/proxy_params",
];

/// Folders that programs expect.
const FOLDERS: [&str; 6] =
    ["etc", "run/lock", "tmp", "usr/local/sbin", "var/lib/nginx", "var/log/nginx"];

/// Folders that the node has whatever was captured.
const NODE_FOLDERS: [&str; 4] =
    ["etc/network/interfaces.d", "etc/pve/firewall", "etc/pve/qemu-server", "root"];

/// More than a certificate or a site of nginx ever has.
const SITE_LIMIT: u64 = 1 << 20;

/// Copies a captured node into the lab.
pub(super) fn copy(folder: &Folder, from: &Path) -> Result<(), LabError> {
    for name in CAPTURED {
        let (source, target) = (from.join(name), folder.twin().join(name));
        copy_tree(&source, &target).map_err(LabError::at(&source))?;
    }
    Ok(())
}

/// Copies files, folders and symbolic links; everything else, such as sockets, is left out.
fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    let kind = match fs::symlink_metadata(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?.file_type(),
    };
    if kind.is_symlink() {
        symlink(fs::read_link(from)?, to)
    } else if kind.is_file() {
        fs::copy(from, to).map(drop)
    } else if kind.is_dir() {
        fs::create_dir_all(to)?;
        let mut entries = fs::read_dir(from)?;
        entries.try_for_each(|entry| {
            let entry = entry?;
            copy_tree(&entry.path(), &to.join(entry.file_name()))
        })
    } else {
        Ok(())
    }
}

/// Gives the root folder of a place what every machine has.
pub(super) fn place(path: &Path) -> Result<Root, LabError> {
    fs::create_dir_all(path).map_err(LabError::at(path))?;
    let root = Root::at(path).map_err(LabError::at(path))?;
    for name in FOLDERS {
        root.folder(name.as_bytes(), Missing::Make)
            .map_err(|error| at(path, name, error.into()))?;
    }
    for name in COMMON {
        let Ok(bytes) = fs::read(Path::new("/").join(name)) else { continue };
        let bytes = super::user::adapted(name, bytes);
        let is_wanted =
            !name.starts_with("etc/nginx") || root.open(b"etc/nginx", OFlags::PATH).is_ok();
        if is_wanted {
            put_missing(&root, name, &bytes, 0o644).map_err(|error| at(path, name, error))?;
        }
    }
    Ok(root)
}

/// Makes folders in the root folder of a place.
pub(super) fn folders(path: &Path, names: &[&str]) -> Result<(), LabError> {
    let root = Root::at(path).map_err(LabError::at(path))?;
    names.iter().try_for_each(|name| {
        let made = root.folder(name.as_bytes(), Missing::Make);
        made.map(drop).map_err(|error| at(path, name, error.into()))
    })
}

/// Gives the node's root folder what the cluster file system has on every node.
pub(super) fn node(path: &Path, name: &NodeName) -> Result<(), LabError> {
    let root = place(path)?;
    let own = ["", "/lxc", "/qemu-server"].map(|part| format!("etc/pve/nodes/{name}{part}"));
    for folder in NODE_FOLDERS.into_iter().chain(own.iter().map(String::as_str)) {
        root.folder(folder.as_bytes(), Missing::Make)
            .map_err(|error| at(path, folder, error.into()))?;
    }
    for (link, target) in [("local", format!("nodes/{name}")), ("lxc", format!("nodes/{name}/lxc"))]
    {
        let pve = root.folder(b"etc/pve", Missing::Make);
        let pve = pve.map_err(|error| at(path, "etc/pve", error.into()))?;
        match rustix::fs::symlinkat(&target, &pve, link) {
            Err(rustix::io::Errno::EXIST) => {}
            made => made.map_err(|error| at(path, link, error.into()))?,
        }
    }
    Ok(())
}

/// Says which file of a place an error is about.
fn at(root: &Path, name: &str, error: io::Error) -> LabError {
    LabError::at(&root.join(name))(error)
}

/// Writes a file unless there is one.
fn put_missing(root: &Root, path: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
    let target = root.target(path, Missing::Make)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(mode);
    match rustix::fs::openat(&target.folder, &target.name, flags, mode) {
        Err(rustix::io::Errno::EXIST) => Ok(()),
        open => fs::File::from(open?).write_all(bytes),
    }
}

/// Makes the certificates that a guest's nginx names and that were not captured.
pub(super) fn certificates(folder: &Folder, root: &Root) -> Result<(), LabError> {
    let mut named = Vec::new();
    named_files(root, "etc/nginx", &mut named);
    let is_missing = |(_, path): &(Part, String)| root.open(path.as_bytes(), OFlags::PATH).is_err();
    let missing = named.into_iter().filter(is_missing).collect::<Vec<_>>();
    if missing.is_empty() {
        return Ok(());
    }
    let pair = Pair::of(folder)?;
    for (part, path) in missing {
        let bytes = match part {
            Part::Certificate => &pair.certificate,
            Part::Key => &pair.key,
        };
        put_missing(root, &path, bytes, 0o600).map_err(LabError::at(Path::new(&path)))?;
    }
    Ok(())
}

/// What a directive of nginx wants of a key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Certificate,
    Key,
}

/// Collects the files that all texts below a folder name, whether nginx reads the texts or not.
fn named_files(root: &Root, path: &str, found: &mut Vec<(Part, String)>) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK;
    let Ok(folder) = root.open(path.as_bytes(), flags) else { return };
    let Ok(entries) = rustix::fs::Dir::read_from(&folder) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().to_str() else { continue };
        let inner = format!("{path}/{name}");
        let stat = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW);
        match stat.map(|stat| crate::local::root::file_type(&stat)) {
            Ok(rustix::fs::FileType::Directory) if !name.starts_with('.') => {
                named_files(root, &inner, found);
            }
            Ok(rustix::fs::FileType::RegularFile) => {
                found.extend(text(root, &inner).iter().flat_map(|text| named_in(text)));
            }
            _ => {}
        }
    }
}

fn text(root: &Root, path: &str) -> Option<String> {
    let file = root.open(path.as_bytes(), OFlags::RDONLY | OFlags::NONBLOCK).ok()?;
    let mut text = String::new();
    fs::File::from(file).take(SITE_LIMIT).read_to_string(&mut text).ok()?;
    Some(text)
}

fn named_in(text: &str) -> Vec<(Part, String)> {
    let conf = NginxConf::parse(text);
    let of = |directive: phoenix_formats::nginx::Directive<'_>| {
        let part = match directive.name().as_ref() {
            "ssl_certificate" => Part::Certificate,
            "ssl_certificate_key" => Part::Key,
            _ => return None,
        };
        let path = directive.args().next()?.into_owned();
        let is_file = !path.contains('$') && !path.contains(':');
        let whole = if path.starts_with('/') { path } else { format!("/etc/nginx/{path}") };
        is_file.then_some((part, whole))
    };
    conf.directives().filter_map(of).collect()
}

/// A key with its certificate, for whatever a lab has none for.
struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Pair {
    /// Returns the lab's own, made at its first use.
    fn of(folder: &Folder) -> Result<Self, LabError> {
        let (certificate, key) = (folder.path().join("lab.crt"), folder.path().join("lab.key"));
        if !certificate.exists() {
            let mut argv = words(["openssl", "req", "-x509", "-newkey", "ec", "-nodes"]);
            argv.extend(words(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2"]));
            argv.extend(words(["-subj", "/CN=phoenix lab", "-keyout"]));
            argv.push(key.display().to_string());
            argv.extend(["-out".to_owned(), certificate.display().to_string()]);
            run(&argv, "")?;
        }
        let read = |path: &Path| fs::read(path).map_err(LabError::at(path));
        Ok(Self { certificate: read(&certificate)?, key: read(&key)? })
    }
}

/// Puts the stand-ins into the node's `bin`: each is a line that names this program, which the kernel
/// reads by itself.
pub(super) fn tools(folder: &Folder, names: &[&str]) -> Result<(), LabError> {
    let bin = folder.root_of(super::NODE).join("bin");
    folder.make_folder(&bin)?;
    let line = format!("#!{} {}\n", folder.program().display(), super::tool::TOOL);
    for name in names {
        let path = bin.join(name);
        folder.write(&path, &line)?;
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&path, mode).map_err(LabError::at(&path))?;
    }
    Ok(())
}
