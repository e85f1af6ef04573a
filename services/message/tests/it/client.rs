//! The web client, as it is served.

use std::path::{Path, PathBuf};

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{answer::Answer, app::App};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../static");

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[tokio::test]
async fn the_page_may_run_its_own_import_map_and_nothing_else_inline() {
    let app = App::start();
    let page = app.get("/").await;
    assert_eq!((page.status, page.header("x-frame-options")), (200, Some("DENY")));
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let html = page.text();
    let inline: Vec<_> = html
        .split("<script")
        .skip(1)
        .filter_map(|script| script.split_once('>'))
        .filter(|(tag, _)| !tag.contains("src="))
        .map(|(_, rest)| rest.split("</script>").next().unwrap())
        .collect();
    assert_eq!(inline.len(), 1, "inline scripts besides the import map");
    let hash = format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(inline[0])));
    let policy = page.header("content-security-policy").unwrap();
    let directive = |name: &str| {
        policy.split("; ").find_map(|part| part.strip_prefix(name)).unwrap_or_default().trim()
    };
    assert_eq!(directive("script-src "), format!("'self' {hash}"));
    assert_eq!(directive("default-src "), "'none'");
    assert_eq!(directive("connect-src "), "'self' http://127.0.0.1:1");
    assert!(!html.contains(" onclick=") && !html.contains(" style="), "the policy forbids these");
}

#[tokio::test]
async fn every_file_is_served_with_its_type_and_is_not_sent_twice() {
    let app = App::start();
    let mut found = Vec::new();
    files(Path::new(FOLDER), &mut found);
    assert!(found.len() > 10, "{found:?}");
    for path in found {
        let target = format!("/{}", path.strip_prefix(FOLDER).unwrap().display());
        let answer = app.get(&target).await;
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.body, std::fs::read(&path).unwrap(), "{target}");
        let content_type = match path.extension().and_then(|extension| extension.to_str()) {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("html") => "text/html; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("json") => "application/json",
            Some("md") => "text/markdown; charset=utf-8",
            other => panic!("which type has {other:?}?"),
        };
        assert_eq!(answer.header("content-type"), Some(content_type), "{target}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{target}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{target}");
        let tag = answer.header("etag").unwrap();
        let known = app.request(Method::GET, &target).header("if-none-match", tag);
        let again = Answer::to(known).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{target}");
        assert_eq!(again.header("etag"), Some(tag), "{target}");
        let other = app.request(Method::GET, &target).header("if-none-match", "\"other\"");
        assert_eq!(Answer::to(other).await.status, 200, "{target}");
    }
}

#[test]
fn no_path_leads_out_of_the_folder() {
    let app = App::start();
    for target in [
        "/../Cargo.toml",
        "/../../Cargo.toml",
        "/vendor/../../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/%2e%2e%2fCargo.toml",
        "/..%2fCargo.toml",
        "/..%5cCargo.toml",
        "/..\\Cargo.toml",
        "/.../Cargo.toml",
        "/./../Cargo.toml",
        "//etc/passwd",
        "/etc/passwd",
        "/%2fetc/passwd",
        "///../../../../../../etc/passwd",
        "/%00",
        "/index.html%00.js",
        "/vendor",
        "/vendor/",
        "/docs/../../Cargo.toml",
        "/docs/..%2f..%2fCargo.toml",
    ] {
        let mut wire = app.wire();
        wire.send(format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).unwrap();
        let answer = wire.answer().unwrap();
        assert!(matches!(answer.status, 400 | 404), "{target} {answer:?}");
        let body = String::from_utf8_lossy(&answer.body);
        assert!(!body.contains("[workspace") && !body.contains("root:"), "{target} {body}");
    }
}

#[tokio::test]
async fn the_page_learns_where_the_notification_service_is() {
    let app = App::start();
    let config = app.get("/config.json").await;
    let expected = json!({
        "message_service_url": "", "notification_service_url": "http://127.0.0.1:1",
        "auth_mode": "open",
    });
    assert_eq!((config.json(), config.header("cache-control")), (expected, Some("no-store")));
    let app = App::with(&[("ALLOWED_ORIGINS", "*")]);
    for (host, url) in [
        ("chat.example:8080", "http://chat.example:1"),
        ("[::1]:8080", "http://[::1]:1"),
        ("evil\"}", "http://localhost:1"),
    ] {
        let answer =
            Answer::to(app.request(Method::GET, "/config.json").header("host", host)).await;
        assert_eq!(answer.json()["notification_service_url"], json!(url), "{host}");
    }
    let forwarded = async |proxies: &str| {
        let app = App::with(&[("TRUSTED_PROXIES", proxies)]);
        let request = app.request(Method::GET, "/config.json");
        let request = request.header("forwarded", "host=evil.example");
        let answer = Answer::to(request.header("x-forwarded-host", "chat.example")).await;
        answer.json()["notification_service_url"].clone()
    };
    assert_eq!(forwarded("127.0.0.1").await, json!("http://chat.example:1"));
    assert_eq!(forwarded("192.0.2.1").await, json!("http://127.0.0.1:1"));
    let app = App::with(&[("PUBLIC_NOTIFICATION_URL", "https://push.example/base/")]);
    let url = app.get("/config.json").await.json()["notification_service_url"].clone();
    assert_eq!(url, json!("https://push.example/base"));
    let page = app.get("/").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("connect-src 'self' https://push.example;"), "{policy}");
}
