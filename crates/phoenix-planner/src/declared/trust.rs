//! What is set up inside of guests: packages, the certificate authority, the proxy.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{List, Words};

/// The certificate authority, Smallstep's step-ca.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct StepCa {
    /// Its name, which leads to the container with the feature `step_ca`, as `ca` in the domain does.
    #[schemars(example = &"ca.internal.example.com")]
    pub dns_name: Option<String>,
    /// The name that its certificates bear. Read once, when it is initialised. Default: the domain with
    /// ` CA` behind.
    #[schemars(example = &"Example Internal CA")]
    pub root_ca_name: Option<String>,
    /// The name of the certificate that signs: step-ca makes it from `root_ca_name`, so that another one is a
    /// warning.
    pub intermediate_ca_name: Option<String>,
    /// The name of the provisioner by which phoenix gets certificates. Default: `phoenix`.
    #[schemars(example = &"admin@example.com")]
    pub provisioner_name: Option<String>,
    /// The folder of the node where its root certificate and the fingerprint are kept for others. Default: what
    /// is mounted at `/etc/step-ca/ssl` in its container.
    #[schemars(regex(pattern = r"^/"))]
    pub shared_path: Option<String>,
    /// The SHA-256 of its root certificate, in hexadecimal: no other one is trusted then.
    pub root_fingerprint: Option<String>,
    /// Where its packages come from.
    pub package_source: Option<PackageSource>,
}

/// A repository of Debian packages, as sources.list(5) has it. phoenix never fetches its key.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct PackageSource {
    /// Whether phoenix tells the guests about it; `false`: they know already where the packages are. Default:
    /// `true`.
    pub enabled: Option<bool>,
    /// Its address. Default: `https://packages.smallstep.com/stable/debian`.
    pub uri: Option<String>,
    /// Its suites. Default: `debs`.
    pub suites: Option<Words>,
    /// Its components. Default: `main`.
    pub components: Option<Words>,
    /// The file of the node with its key, in text form (ASCII armour). Default:
    /// `/etc/apt/keyrings/smallstep.asc`.
    #[schemars(regex(pattern = r"^/"))]
    pub key_file: Option<String>,
}

/// What the feature `base_setup` brings.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct BaseSetup {
    /// Packages of Debian. Default: `ca-certificates curl gnupg jq openssl rsync vim wget`.
    pub packages: Option<Words>,
}

/// The proxy in the container with the feature `traefik`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Traefik {
    /// The address that the certificate authority is told. Default: none.
    #[schemars(example = &"admin@example.com")]
    pub acme_email: Option<String>,
    /// Where Traefik's program comes from. Default: the operator brings it into the container, with a unit.
    pub program: Option<Program>,
    /// What is laid over the static configuration that phoenix makes: members by name, anything else instead.
    #[serde(rename = "static")]
    pub over_static: Option<serde_json::Value>,
    /// What is laid over the routes that phoenix makes, such as `http.middlewares`.
    #[serde(rename = "dynamic")]
    pub over_dynamic: Option<serde_json::Value>,
}

/// A program that is put into a container: a file of the node, or one in an archive that the node fetches.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Program {
    /// The file of the node.
    #[schemars(regex(pattern = r"^/"), example = &"/root/programs/traefik")]
    pub file: Option<String>,
    /// The address of an archive (`.tar.gz`) that has it as `traefik`, instead of `file`.
    #[schemars(regex(pattern = r"^https://"), example = &"https://example.com/traefik_v3_linux_amd64.tar.gz")]
    pub url: Option<String>,
    /// The SHA-256 of the file or of the archive in hexadecimal, as sha256sum(1) prints it.
    #[schemars(regex(pattern = r"^[0-9A-Fa-f]{64}$"))]
    pub sha256: Option<String>,
}

/// A service of the guest that is reached through the gateway.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct TraefikService {
    /// Its name in the domain, which leads to the gateway.
    #[schemars(example = &"portainer")]
    pub name: Option<String>,
    /// The port on which it listens. Absent: the name is known to DNS and gets no route.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u64>,
    /// How it is spoken to: `http`, `https` or `h2c`. Default: `http`.
    pub scheme: Option<String>,
    /// Traefik's rule of what is sent to it. Default: everything for its name.
    #[schemars(example = &"Host(`git.internal.example.com`)")]
    pub rule: Option<String>,
    /// Names of Traefik's middlewares through which requests go, in order. Default: none.
    pub middlewares: Option<List<String>>,
}

/// The web server of a container.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Nginx {
    /// Its packages of Debian. Default: `nginx`.
    #[schemars(example = &"nginx libnginx-mod-stream")]
    pub packages: Option<Words>,
    /// Its files, each by its path in the container, below `/etc/nginx`: the path of the operator's own file below the
    /// configuration folder, whose text it has.
    #[schemars(extend("propertyNames" = { "pattern": "^/etc/nginx/" }))]
    pub files: Option<BTreeMap<String, Option<String>>>,
    /// The names of files in `sites-available` that `sites-enabled` has links to. Others are left alone.
    #[schemars(inner(regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")))]
    pub enabled_sites: Option<List<String>>,
    /// The names in `sites-enabled` that go. Default: `default`, Debian's own; an empty list: none.
    #[schemars(inner(regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")))]
    pub removed_sites: Option<List<String>>,
}
