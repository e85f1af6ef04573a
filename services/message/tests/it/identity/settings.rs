//! Settings that cannot be used, and what is shown of those that are.

use message_service::Config;

use super::{ADMIN_TOKEN, JWT_SECRET};

const ED_PUBLIC: &str = include_str!("keys/ed25519.pub.pem");
const RSA_PUBLIC: &str = include_str!("keys/rsa.pub.pem");

fn config(settings: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let data = ("DATA_DIR", folder.path().to_str().unwrap());
    let all = [data].into_iter().chain(settings.iter().copied());
    Config::from_variables(all.map(|(name, value)| (name.to_owned(), value.to_owned())))
        .map_err(|error| error.to_string())
}

#[test]
fn what_cannot_be_used_is_said_in_one_line_without_secrets() {
    let (private, rsa) = (include_str!("keys/ed25519.pem"), RSA_PUBLIC.replace("MII", "MIX"));
    for (settings, variable) in [
        (&[("JWT_SECRET", "too short a secret")][..], "JWT_SECRET"),
        (&[("JWT_SECRET", JWT_SECRET), ("JWT_PUBLIC_KEY", ED_PUBLIC)], "JWT_SECRET"),
        (&[("JWT_SECRET_FILE", "/no/such/file")], "JWT_SECRET_FILE"),
        (&[("JWT_PUBLIC_KEY", "no key")], "JWT_PUBLIC_KEY"),
        (&[("JWT_PUBLIC_KEY", private)], "JWT_PUBLIC_KEY"),
        (&[("JWT_PUBLIC_KEY", &rsa)], "JWT_PUBLIC_KEY"),
        (&[("JWT_PUBLIC_KEY_FILE", "/no/such/file")], "JWT_PUBLIC_KEY_FILE"),
        (&[("JWT_AUDIENCE", "realtalk")], "JWT_AUDIENCE"),
        (&[("ADMIN_TOKEN", "too short")], "ADMIN_TOKEN"),
        (&[("ADMIN_TOKEN_FILE", "/no/such/file")], "ADMIN_TOKEN_FILE"),
        (&[("TOKEN_TTL_SECS", "0")], "TOKEN_TTL_SECS"),
        (&[("AUTH_MODE", "maybe")], "AUTH_MODE"),
        (&[("HOST", "0.0.0.0")], "AUTH_MODE"),
    ] {
        let line = config(settings).unwrap_err();
        assert!(line.starts_with(variable) && line.contains(" cannot be used: "), "{line}");
        assert!(!line.contains('\n'), "{line}");
        for secret in ["too short", JWT_SECRET, "MC4CAQ"] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}

#[test]
fn what_is_in_force_is_shown_without_secrets() {
    let shown = |settings: &[(&str, &str)]| {
        let config = config(settings).unwrap();
        let text = format!("{config}\n{config:?}");
        assert!(!text.contains(JWT_SECRET) && !text.contains(ADMIN_TOKEN), "{text}");
        text
    };
    let text = shown(&[("JWT_SECRET", JWT_SECRET), ("ADMIN_TOKEN", ADMIN_TOKEN)]);
    assert!(text.contains("JWT_SECRET=(hidden)\nADMIN_TOKEN=(hidden)\n"), "{text}");
    assert!(shown(&[]).contains("ADMIN_TOKEN=(none)\nTOKEN_TTL_SECS=604800\n"));
    assert!(shown(&[("JWT_PUBLIC_KEY", ED_PUBLIC)]).contains("JWT_PUBLIC_KEY=(a key for EdDSA)\n"));
    assert!(
        shown(&[("JWT_PUBLIC_KEY", RSA_PUBLIC)]).contains("JWT_PUBLIC_KEY=(a key for RS256)\n")
    );
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/identity/keys/ed25519.pub.pem");
    assert!(shown(&[("JWT_PUBLIC_KEY_FILE", key)]).contains("(a key for EdDSA)"));
}
