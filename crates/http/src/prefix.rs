//! [`put_before`]: the addresses of a service that a proxy has put under a path.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue, LINK, LOCATION},
    middleware::Next,
};

use crate::address::TrustedProxies;

/// Middleware: puts the path under which the client sees this service before its own addresses in
/// `Location` and `Link`, as a trusted proxy names it in `X-Forwarded-Prefix`.
pub async fn put_before<B: MessageBody + 'static>(
    proxies: TrustedProxies,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let prefix = proxies.prefix(request.request()).map(str::to_owned);
    let mut response = next.call(request).await?;
    if let Some(prefix) = prefix {
        change(&mut response, &LOCATION, |place| {
            let is_own = place.starts_with('/') && !place.starts_with("//");
            if is_own { format!("{prefix}{place}") } else { place.to_owned() }
        });
        change(&mut response, &LINK, |links| links.replace("</", &format!("<{prefix}/")));
    }
    Ok(response)
}

fn change<B>(
    response: &mut ServiceResponse<B>,
    name: &HeaderName,
    changed: impl Fn(&str) -> String,
) {
    let values: Vec<_> = response.headers_mut().remove(name).collect();
    for value in values {
        let text = value.to_str().ok().and_then(|text| HeaderValue::try_from(changed(text)).ok());
        response.headers_mut().append(name.clone(), text.unwrap_or(value));
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App, HttpResponse,
        middleware::from_fn,
        test::{TestRequest, call_service, init_service},
        web,
    };

    use super::*;

    async fn answered(peer: [u8; 4], prefix: &str, place: &'static str) -> [String; 2] {
        let proxies = TrustedProxies::parse(Some("198.51.100.1")).unwrap();
        let answer = move || {
            let links = "</users?a=1>; rel=\"next\", </users>; rel=\"first\"";
            let mut answer = HttpResponse::Ok();
            answer.insert_header((LOCATION, place)).insert_header((LINK, links));
            async move { answer.finish() }
        };
        let put = from_fn(move |request, next| put_before(proxies.clone(), request, next));
        let app = init_service(App::new().default_service(web::to(answer)).wrap(put)).await;
        let request = TestRequest::get().peer_addr((peer, 1).into());
        let request = request.insert_header(("x-forwarded-prefix", prefix)).to_request();
        let answer = call_service(&app, request).await;
        [LOCATION, LINK]
            .map(|name| answer.headers().get(name).unwrap().to_str().unwrap().to_owned())
    }

    #[actix_web::test]
    async fn a_proxy_that_is_trusted_says_where_the_service_is() {
        let proxy = [198, 51, 100, 1];
        let links = "</a/chat/users?a=1>; rel=\"next\", </a/chat/users>; rel=\"first\"";
        assert_eq!(answered(proxy, "/a/chat/", "/users/1").await, ["/a/chat/users/1", links]);
        let elsewhere = "http://localhost:8081/sse/chat";
        assert_eq!(answered(proxy, "/a/chat", elsewhere).await, [elsewhere, links]);
        let own = ["/users/1", "</users?a=1>; rel=\"next\", </users>; rel=\"first\""];
        assert_eq!(answered([203, 0, 113, 1], "/a/chat", "/users/1").await, own);
        for nothing in ["", "/", "chat", "//evil.example", "/a b", "/a\"b", "/a>b", "/ä"] {
            assert_eq!(answered(proxy, nothing, "/users/1").await, own, "{nothing}");
        }
    }
}
