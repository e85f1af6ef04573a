//! [`Identity`]: what it takes to find out who people are.

use common::Secret;
use http_kit::{AuthMode, OriginPolicy};

use crate::{Config, token::Tokens};

/// What it takes to find out who people are.
pub struct Identity {
    /// Whether names are taken as given.
    pub mode: AuthMode,
    /// Issues and checks tokens.
    pub tokens: Tokens,
    /// What the operator shows, if there is one.
    pub operator: Option<Secret>,
    /// Whose pages may act with the cookie.
    pub origins: OriginPolicy,
}

impl Identity {
    /// As configured.
    pub fn new(config: &Config) -> Self {
        let identity = &config.identity;
        Self {
            mode: config.auth_mode,
            tokens: Tokens::new(&identity.issuer, identity.token_ttl),
            operator: identity.admin_token.clone(),
            origins: config.origins.clone(),
        }
    }
}
