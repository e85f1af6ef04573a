//! [`Identity`]: what it takes to find out who people are.

pub mod accounts;
pub mod caller;
pub mod cookie;
pub mod credential;
pub mod guesses;
pub mod password;
pub mod ticket;
pub mod token;

use std::sync::Arc;

use actix_web::http::StatusCode;
use common::Secret;
use http_kit::{AuthMode, OriginPolicy, RateLimit, Rejection, SessionCookies, TrustedProxies};
use prometheus::{IntCounterVec, Opts, Registry};

use crate::{config::Config, store::Store};
use accounts::Accounts;
use guesses::Guesses;
use password::Passwords;
use ticket::Tickets;
use token::Tokens;

/// What it takes to find out who people are.
pub struct Identity {
    /// Whether names are taken as given.
    pub mode: AuthMode,
    /// Who is known.
    pub accounts: Accounts,
    /// Issues and checks tokens.
    pub tokens: Tokens,
    /// What the operator shows, if there is one.
    pub operator: Option<Secret>,
    /// Under which names pages carry their tokens.
    pub cookies: SessionCookies,
    /// Whose pages may act with the cookie.
    pub origins: OriginPolicy,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: TrustedProxies,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// How many wrong passwords a name may be tried with.
    pub guesses: Guesses,
    /// How often one address may sign in or register.
    pub sign_in_rate: RateLimit,
    /// What opens streams.
    pub tickets: Tickets,
    /// Sign-ins by outcome: `signed_in`, `wrong`, `refused`.
    pub sign_ins: IntCounterVec,
}

impl Identity {
    /// As configured, of people with these accounts, which are in this store.
    pub fn new(
        config: &Config,
        store: Arc<Store>,
        accounts: Accounts,
        registry: &Registry,
    ) -> prometheus::Result<Self> {
        let identity = &config.identity;
        let sign_ins = IntCounterVec::new(
            Opts::new("realtalk_sign_ins_total", "Sign-ins by outcome"),
            &["outcome"],
        )?;
        let computed = prometheus::IntCounter::new(
            "realtalk_password_hashes_total",
            "Passwords hashed, to be kept or to be compared",
        )?;
        registry.register(Box::new(sign_ins.clone()))?;
        registry.register(Box::new(computed.clone()))?;
        Ok(Self {
            mode: config.auth_mode,
            accounts,
            tokens: Tokens::new(&identity.issuer, identity.token_ttl),
            operator: identity.admin_token.clone(),
            cookies: SessionCookies::of(&config.secret),
            origins: config.origins.clone(),
            proxies: config.proxies.clone(),
            passwords: Passwords::new(computed),
            guesses: Guesses::of(&store, &config.secret),
            sign_in_rate: RateLimit::per_minute(identity.sign_in_rate)
                .limiting(config.connections.limits_loopback),
            tickets: Tickets::new(store, config.connections.shares()),
            sign_ins,
        })
    }

    /// Whether names are taken as given.
    pub fn is_open(&self) -> bool {
        self.mode == AuthMode::Open
    }

    /// How long a sign-in lasts, in seconds.
    pub const fn ttl_secs(&self) -> u64 {
        self.tokens.ttl().as_secs()
    }

    /// Refuses what makes no sense where an outside issuer decides who people are.
    pub fn require_own(&self) -> Result<(), Rejection> {
        if self.tokens.are_own() {
            return Ok(());
        }
        Err(Rejection::new(
            StatusCode::FORBIDDEN,
            "sign_in_elsewhere",
            "accounts and passwords are kept elsewhere: get a token from the issuer",
        ))
    }
}
