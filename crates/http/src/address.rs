//! [`TrustedProxies`]: the address a request really comes from, and what it was sent to.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use actix_web::{
    HttpRequest,
    http::header::{HOST, HeaderName},
};
use ipnet::IpNet;

use crate::settings::SettingError;

/// The proxies whose `X-Forwarded-For`, `-Host`, `-Proto` and `-Prefix` are believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads `TRUSTED_PROXIES`: addresses or networks separated by commas.
    pub fn parse(text: Option<&str>) -> Result<Self, SettingError> {
        text.unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| {
                item.parse().or_else(|_| item.parse::<IpAddr>().map(IpNet::from)).map_err(|_| {
                    SettingError::new(
                        "TRUSTED_PROXIES",
                        item,
                        "list addresses or networks such as 10.0.0.0/8, separated by commas",
                    )
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The address of the client: the peer's, or, when the peer is a trusted proxy, the last
    /// address in `X-Forwarded-For` that is no trusted proxy itself. What stands further left
    /// was written by the client.
    pub fn client_address(&self, request: &HttpRequest) -> IpAddr {
        let peer = request
            .peer_addr()
            .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.ip().to_canonical());
        if !self.trusts(peer) {
            return peer;
        }
        request
            .headers()
            .get_all("x-forwarded-for")
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .map_while(address)
            .find(|address| !self.trusts(*address))
            .unwrap_or(peer)
    }

    /// Whether the client speaks HTTPS: to a trusted proxy, which says so in `X-Forwarded-Proto`.
    pub fn is_https(&self, request: &HttpRequest) -> bool {
        self.forwarded(request, "x-forwarded-proto")
            .is_some_and(|proto| proto.eq_ignore_ascii_case("https"))
    }

    /// The host that the client asked for: of a trusted proxy, which says so in
    /// `X-Forwarded-Host`, or of this service.
    pub fn host<'a>(&self, request: &'a HttpRequest) -> &'a str {
        let own = || request.headers().get(HOST).and_then(|host| host.to_str().ok());
        self.forwarded(request, "x-forwarded-host").or_else(own).unwrap_or_default()
    }

    /// The path under which a trusted proxy puts this service, without a slash at its end: what it says in
    /// `X-Forwarded-Prefix`, if that is a path.
    pub fn prefix<'a>(&self, request: &'a HttpRequest) -> Option<&'a str> {
        let prefix = self.forwarded(request, "x-forwarded-prefix")?.trim_end_matches('/');
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
        // It goes into headers, and two slashes would name another host there.
        let is_path =
            prefix.starts_with('/') && !prefix.contains("//") && prefix.chars().all(is_plain);
        is_path.then_some(prefix)
    }

    /// What a trusted proxy says in a header; of several values the first, which is what the
    /// outermost proxy was asked.
    fn forwarded<'a>(&self, request: &'a HttpRequest, name: &'static str) -> Option<&'a str> {
        let peer = request.peer_addr()?.ip().to_canonical();
        let value = request.headers().get(HeaderName::from_static(name))?.to_str().ok()?;
        let first = value.split(',').next().unwrap_or_default().trim();
        (self.trusts(peer) && !first.is_empty()).then_some(first)
    }

    /// Whether an address is a proxy's.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address, to which some proxies add the port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let alone = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    alone.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

/// Which addresses have a share of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Whether any has: where everybody comes from one address, as from a container's gateway, none.
    pub by_address: bool,
    /// Whether loopback is an address like any other, and not a proxy that may be everybody.
    pub loopback: bool,
}

impl Shares {
    /// Whether an address is one client's, or one network's.
    pub fn bound(self, address: IpAddr) -> bool {
        self.by_address && (self.loopback || !address.is_loopback())
    }
}

/// How much each address has of something; one that has nothing takes no room.
#[derive(Debug, Default)]
pub struct BySite(HashMap<IpAddr, usize>);

impl BySite {
    /// How much this one has.
    pub fn of(&self, address: IpAddr) -> usize {
        self.0.get(&site(address)).copied().unwrap_or_default()
    }

    /// It has so much more.
    pub fn add(&mut self, address: IpAddr, much: usize) {
        *self.0.entry(site(address)).or_default() += much;
    }

    /// It has so much less.
    pub fn remove(&mut self, address: IpAddr, much: usize) {
        let site = site(address);
        if let Some(left) = self.0.get_mut(&site) {
            *left -= much;
            if *left == 0 {
                self.0.remove(&site);
            }
        }
    }

    /// How many have some.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// What limits by address count as one: an IPv4 address, or the 64 bits of an IPv6 address that a
/// network has. Its other 64 are the client's to choose, as many as it likes (RFC 4291, 2.5.4).
pub fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[track_caller]
    fn check(proxies: &str, peer: &str, forwarded: &[&str], client: &str) {
        let mut request = TestRequest::default().peer_addr(peer.parse().unwrap());
        for value in forwarded {
            request = request.append_header(("x-forwarded-for", *value));
        }
        let proxies = TrustedProxies::parse(Some(proxies)).unwrap();
        assert_eq!(proxies.client_address(&request.to_http_request()).to_string(), client);
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        check("", "198.51.100.1:1", &["203.0.113.9"], "198.51.100.1");
        check("127.0.0.1", "127.0.0.1:1", &["203.0.113.9"], "203.0.113.9");
        check("127.0.0.1", "127.0.0.1:1", &[], "127.0.0.1");
        check("127.0.0.1", "[::ffff:127.0.0.1]:1", &["203.0.113.9"], "203.0.113.9");
    }

    #[test]
    fn a_network_of_the_sixth_version_is_one_site() {
        let site = |address: &str| site(address.parse().unwrap()).to_string();
        assert_eq!(site("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(site("2001:db8:1:2::9"), "2001:db8:1:2::");
        assert_ne!(site("2001:db8:1:3::9"), "2001:db8:1:2::");
        assert_eq!(site("::ffff:203.0.113.9"), "203.0.113.9");
        assert_eq!(site("::1"), "::1");
    }

    #[test]
    fn the_port_of_a_client_does_not_hide_its_address() {
        for (forwarded, client) in [
            ("203.0.113.9:567", "203.0.113.9"),
            ("[2001:db8::9]:80", "2001:db8::9"),
            ("[2001:db8::9]", "2001:db8::9"),
            ("2001:db8::9", "2001:db8::9"),
            ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
            ("203.0.113.9:x", "127.0.0.1"),
        ] {
            check("127.0.0.1", "127.0.0.1:1", &[forwarded], client);
        }
        check(
            "127.0.0.1,10.0.0.0/8",
            "127.0.0.1:1",
            &["203.0.113.9:5, 10.1.1.1:80"],
            "203.0.113.9",
        );
    }

    #[test]
    fn only_trusted_proxies_say_what_the_host_is() {
        let host = |proxies, forwarded| {
            let request = TestRequest::default()
                .peer_addr("127.0.0.1:1".parse().unwrap())
                .insert_header((HOST, "here:8080"))
                .insert_header(("forwarded", "host=evil.example"))
                .insert_header(("x-forwarded-host", forwarded))
                .to_http_request();
            TrustedProxies::parse(Some(proxies)).unwrap().host(&request).to_owned()
        };
        assert_eq!(host("127.0.0.1", "chat.example, inner"), "chat.example");
        assert_eq!(host("127.0.0.1", ""), "here:8080");
        assert_eq!(host("10.0.0.1", "chat.example"), "here:8080");
    }

    #[test]
    fn only_trusted_proxies_say_that_it_is_https() {
        let is_https = |proxies, proto| {
            let request = TestRequest::default()
                .peer_addr("127.0.0.1:1".parse().unwrap())
                .insert_header(("x-forwarded-proto", proto))
                .to_http_request();
            TrustedProxies::parse(Some(proxies)).unwrap().is_https(&request)
        };
        assert!(is_https("127.0.0.1", "https") && is_https("127.0.0.1", "HTTPS, http"));
        assert!(!is_https("127.0.0.1", "http") && !is_https("", "https"));
    }

    #[test]
    fn what_the_client_wrote_itself_is_ignored() {
        check(
            "127.0.0.1,10.0.0.0/8",
            "127.0.0.1:1",
            &["1.2.3.4, 203.0.113.9, 10.1.1.1"],
            "203.0.113.9",
        );
        check("127.0.0.1", "127.0.0.1:1", &["1.2.3.4", "203.0.113.9"], "203.0.113.9");
        check("127.0.0.1", "127.0.0.1:1", &["1.2.3.4, junk"], "127.0.0.1");
    }
}
