//! The web client: the files of `static/`, which are part of the binary, and where it finds the
//! services.

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, ETAG, EntityTag, IF_NONE_MATCH,
    },
    web::{self, Data},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http_kit::{
    AuthMode, Rejection, TrustedProxies,
    request::{self, get, resource},
};
use rust_embed::{EmbeddedFile, RustEmbed};
use serde_json::json;
use sha2::{Digest, Sha256};

/// In a debug build the files are read from the folder, so that a change shows at once.
#[derive(RustEmbed)]
#[folder = "../../static"]
struct Files;

/// Where browsers find the notification service, and what pages may do.
#[derive(Clone, Debug)]
pub struct Client {
    public_notification_url: Option<String>,
    notification_port: u16,
    script_hash: String,
    auth_mode: AuthMode,
    proxies: TrustedProxies,
}

impl Client {
    /// `public_notification_url` is the address for browsers; without it, pages use their own
    /// host with `notification_port`.
    pub fn new(
        public_notification_url: Option<String>,
        notification_port: u16,
        auth_mode: AuthMode,
        proxies: TrustedProxies,
    ) -> Self {
        let index = Files::get("index.html");
        let script_hash = index.map_or_else(String::new, |index| {
            inline_script_hash(&String::from_utf8_lossy(&index.data))
        });
        Self { public_notification_url, notification_port, script_hash, auth_mode, proxies }
    }

    /// Registers `/`, `/config.json` and the files.
    pub fn configure(self, config: &mut web::ServiceConfig) {
        config
            .app_data(Data::new(self))
            .service(resource("/config.json", "GET, HEAD").route(get().to(get_config)))
            .service(resource("/", "GET, HEAD").route(get().to(get_index)));
    }

    /// Where browsers find the notification service.
    pub(super) fn notification_url(&self, request: &HttpRequest) -> String {
        if let Some(url) = &self.public_notification_url {
            return url.clone();
        }
        // The host goes into a header and into JSON: nothing but a host name may pass.
        let host = host_name(self.proxies.host(request)).unwrap_or("localhost");
        let scheme = if self.proxies.is_https(request) { "https" } else { "http" };
        format!("{scheme}://{host}:{}", self.notification_port)
    }

    /// Nothing but the client's own code may run, and it may talk to the two services only.
    fn policy(&self, notification_url: &str) -> String {
        let origin = notification_url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let script_hash = &self.script_hash;
        format!(
            "default-src 'none'; script-src 'self'{script_hash}; style-src 'self'; \
             img-src 'self' data:; connect-src 'self' {origin}; manifest-src 'self'; \
             base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types 'none'"
        )
    }
}

async fn get_config(request: HttpRequest, client: Data<Client>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({
        "message_service_url": "",
        "notification_service_url": client.notification_url(&request),
        "auth_mode": client.auth_mode,
    }))
}

async fn get_index(request: HttpRequest, client: Data<Client>) -> Result<HttpResponse, Rejection> {
    serve(&request, &client, "index.html")
}

/// Serves a file of the client, or says that there is no such route.
pub async fn get_file(
    request: HttpRequest,
    client: Data<Client>,
) -> Result<HttpResponse, Rejection> {
    let path = request.path().trim_start_matches('/').to_owned();
    if Files::get(&path).is_none() || !matches!(request.method().as_str(), "GET" | "HEAD") {
        return request::not_found(request).await;
    }
    serve(&request, &client, &path)
}

fn serve(request: &HttpRequest, client: &Client, path: &str) -> Result<HttpResponse, Rejection> {
    let Some(EmbeddedFile { data, metadata, .. }) = Files::get(path) else {
        return Err(Rejection::not_found("route_not_found", "the web client is not installed"));
    };
    let etag = EntityTag::new_strong(hex::encode(&metadata.sha256_hash()[..16]));
    let mut response = HttpResponse::Ok();
    response
        .insert_header((ETAG, etag.to_string()))
        // Always asked for, answered with 304 mostly: a new version is there with the next reload.
        .insert_header((CACHE_CONTROL, "no-cache"));
    if request
        .headers()
        .get(IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag.to_string().as_bytes())
    {
        return Ok(response.status(actix_web::http::StatusCode::NOT_MODIFIED).finish());
    }
    let mime = metadata.mimetype();
    if mime == "text/html" {
        let policy = client.policy(&client.notification_url(request));
        response.insert_header((CONTENT_SECURITY_POLICY, policy)).content_type(ContentType::html());
    } else if mime.starts_with("text/") {
        response.content_type(format!("{mime}; charset=utf-8"));
    } else {
        response.content_type(mime);
    }
    Ok(response.body(match data {
        Cow::Borrowed(bytes) => web::Bytes::from_static(bytes),
        Cow::Owned(bytes) => web::Bytes::from(bytes),
    }))
}

/// The policy's permission for the page's one inline script, its import map.
fn inline_script_hash(html: &str) -> String {
    let script = html
        .split_once("<script type=\"importmap\">")
        .and_then(|(_, rest)| rest.split_once("</script>"))
        .map(|(script, _)| script);
    script.map_or_else(String::new, |script| {
        format!(" 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script.as_bytes())))
    })
}

/// The name in a `Host` header, without its port, if it is a name or an address.
fn host_name(host: &str) -> Option<&str> {
    let name = match host.strip_prefix('[') {
        Some(rest) => &host[..rest.find(']')? + 2],
        None => host.split(':').next()?,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    (!name.is_empty() && name.bytes().all(plain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_is_taken_from_the_host_header() {
        assert_eq!(host_name("chat.example:8080"), Some("chat.example"));
        assert_eq!(host_name("127.0.0.1"), Some("127.0.0.1"));
        assert_eq!(host_name("[::1]:8080"), Some("[::1]"));
        for host in ["", ":80", "a b", "a;script-src *", "a\"b", "[::1", "é"] {
            assert_eq!(host_name(host), None, "{host}");
        }
    }

    #[test]
    fn the_policy_names_the_notification_service_and_the_import_map() {
        let client = Client {
            public_notification_url: Some("https://push.example/base".to_owned()),
            notification_port: 8081,
            script_hash: inline_script_hash("<script type=\"importmap\">{}</script>"),
            auth_mode: AuthMode::Open,
            proxies: TrustedProxies::default(),
        };
        let policy = client.policy("https://push.example/base");
        assert!(policy.contains("connect-src 'self' https://push.example;"), "{policy}");
        // echo -n '{}' | openssl dgst -sha256 -binary | base64
        let hash = "'sha256-RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o='";
        assert!(policy.contains(hash), "{policy}");
    }
}
