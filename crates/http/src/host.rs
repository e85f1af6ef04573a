//! What stands in `Host`: the name or the address under which a service is reached, and its port.

use std::net::IpAddr;

/// Whether nobody else decides where this leads: an address, or a name that is always this machine
/// (RFC 6761, 6.3).
pub(crate) fn is_local(host: &str) -> bool {
    is_localhost(host) || address(name(host)).is_some()
}

/// Whether it is a name that is always this machine.
pub(crate) fn is_localhost(host: &str) -> bool {
    let name = name(host);
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// What `host` has in front of its port.
pub(crate) fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        // The colons of an IPv6 address are not that of a port.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The address that a host is, if it is no name.
pub(crate) fn address(name: &str) -> Option<IpAddr> {
    match name.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => name.parse().ok().map(IpAddr::V4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_are_nobody_elses_to_give() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "localhost.:8080",
            "chat.localhost",
            "127.0.0.1",
            "192.168.1.5:8080",
            "[::1]:8080",
            "[2001:db8::1]",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "",
            ":8080",
            "evil.example:8080",
            "localhost.evil.example",
            "notlocalhost",
            "127.0.0.1.evil.example",
            "message:8080",
            "[::1].evil.example",
            "[evil]:1",
            "localhost:8080@evil.example",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }
}
