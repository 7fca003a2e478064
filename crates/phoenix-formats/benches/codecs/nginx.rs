//! Configuration of nginx.

use std::collections::BTreeMap;

use divan::Bencher;
use phoenix_formats::nginx::{
    Loaded, NginxConf, NginxInspection, listen_on_all_interfaces, sockets,
};

use super::{measure, repeat};

fn server(number: usize) -> String {
    format!(
        "server {{\n    listen 10.0.0.7:443 ssl;\n    listen 10.0.0.7:80;\n    server_name shop{number}.example.net www.shop{number}.example.net;\n    ssl_certificate /etc/letsencrypt/live/shop{number}.example.net/fullchain.pem;\n    # the shop itself\n    location / {{\n        proxy_set_header Host $host;\n        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n        add_header Strict-Transport-Security \"max-age=63072000; includeSubDomains\";\n        proxy_pass http://10.1.{}.{}:8080;\n    }}\n    location ~* \\.(png|jpg|css|js)$ {{\n        expires 30d;\n    }}\n}}\n\n",
        number / 250,
        number % 250 + 1
    )
}

#[divan::bench]
fn parse(bencher: Bencher) {
    measure(bencher, &repeat(server), NginxConf::parse);
}

#[divan::bench]
fn listens(bencher: Bencher) {
    let conf = NginxConf::parse(&repeat(server));
    measure(bencher, conf.text(), |_| conf.listens());
}

#[divan::bench]
fn rewrite(bencher: Bencher) {
    measure(bencher, &repeat(server), listen_on_all_interfaces);
}

#[divan::bench]
fn render(bencher: Bencher) {
    let conf = NginxConf::parse(&repeat(server));
    measure(bencher, conf.text(), |_| conf.render());
}

#[divan::bench]
fn inspect(bencher: Bencher) {
    measure(bencher, &repeat(server), NginxInspection::of);
}

const ROOT: &str = "/etc/nginx/nginx.conf";

/// Returns a configuration whose servers are all in one included file.
fn files() -> BTreeMap<String, String> {
    let own = |path: &str, text: String| (path.to_owned(), text);
    let root = "events {}\nhttp {\n    include sites-enabled/*;\n}\n".to_owned();
    [own(ROOT, root), own("/etc/nginx/sites-enabled/all", repeat(server))].into()
}

#[divan::bench]
fn load(bencher: Bencher) {
    let files = files();
    measure(bencher, &files["/etc/nginx/sites-enabled/all"], |_| Loaded::new(ROOT, &files));
}

#[divan::bench]
fn load_and_rewrite(bencher: Bencher) {
    let files = files();
    let path = "/etc/nginx/sites-enabled/all";
    measure(bencher, &files[path], |_| {
        Loaded::new(ROOT, &files).listen_on_all_interfaces(path).unwrap()
    });
}

#[divan::bench]
fn listening(bencher: Bencher) {
    let files = files();
    measure(bencher, &files["/etc/nginx/sites-enabled/all"], |_| sockets(ROOT, &files));
}
