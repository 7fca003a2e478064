//! The files of TLS that a configuration names: nginx does not start when one of them is missing.

use std::collections::BTreeMap;

use super::conf::NginxConf;
use super::load::Loaded;

/// What relative names are relative to, as Debian builds nginx.
const FOLDER: &str = "/etc/nginx";

/// Ends of the names of directives whose argument is such a file: of clients and servers, and of every proxy module,
/// as `proxy_ssl_certificate` and `grpc_ssl_certificate`.
const ENDS: [&str; 7] = [
    "ssl_certificate",
    "ssl_certificate_key",
    "ssl_client_certificate",
    "ssl_crl",
    "ssl_dhparam",
    "ssl_password_file",
    "ssl_trusted_certificate",
];

/// Beginnings of arguments that are no files: the certificate itself, and keys in other hands.
const NO_FILES: [&str; 2] = ["data:", "engine:"];

impl NginxConf {
    /// Returns the absolute paths of the files of TLS that the directives name, each with its first line.
    ///
    /// A name with a variable in it is left out: it is looked for at each connection.
    pub fn tls_files(&self) -> BTreeMap<String, usize> {
        let mut files = BTreeMap::new();
        for directive in self.directives().filter(|d| !d.is_block()) {
            if !is_named_so(&directive.name()) {
                continue;
            }
            let Some(word) = directive.args().next() else { continue };
            let is_file = !word.is_empty() && !NO_FILES.iter().any(|begin| word.starts_with(begin));
            if is_file && !word.contains('$') {
                let path = if word.starts_with('/') {
                    word.into_owned()
                } else {
                    format!("{FOLDER}/{word}")
                };
                files.entry(path).or_insert_with(|| directive.line());
            }
        }
        files
    }
}

fn is_named_so(name: &str) -> bool {
    ENDS.iter().any(|end| {
        name.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('_'))
    })
}

impl Loaded {
    /// Returns the files of TLS that everything loaded names, each with the first file that does and the line there.
    pub fn tls_files(&self) -> BTreeMap<String, (String, usize)> {
        let mut files = BTreeMap::new();
        for (path, conf) in self.confs() {
            for (file, line) in conf.tls_files() {
                files.entry(file).or_insert_with(|| (path.to_owned(), line));
            }
        }
        files
    }
}

#[cfg(test)]
mod tests {
    use super::NginxConf;

    #[test]
    fn files_of_tls_are_found_by_the_ends_of_names() {
        let text = "ssl_certificate /a.crt;\nserver {\n  proxy_ssl_certificate_key \"b.key\";\n  \
                    ssl_certificate $name.crt;\n  ssl_certificate data:x;\n  my_ssl_certificates /no;\n  \
                    notssl_crl /no;\n  ssl_crl;\n  ssl_certificate /a.crt;\n}\n";
        let found = NginxConf::parse(text).tls_files().into_iter().collect::<Vec<_>>();
        assert_eq!(found, [("/a.crt".to_owned(), 1), ("/etc/nginx/b.key".to_owned(), 3)]);
    }
}
