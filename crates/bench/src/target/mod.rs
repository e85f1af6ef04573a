//! The servers that are compared, each started fresh for every measurement.

pub(crate) mod bare;
pub(crate) mod bare_server;
pub(crate) mod centrifugo;
mod child;
pub(crate) mod fleet;
mod kind;
mod lab;
pub(crate) mod nchan;
pub(crate) mod postgres;
mod program;
pub(crate) mod realtalk;
pub(crate) mod redis;
mod server;
mod service;

use anyhow::{Result, bail};

pub(crate) use self::kind::Kind;
pub(crate) use self::lab::Lab;
pub(crate) use self::server::{Publish, Server, Shape};

/// Starts a server and waits until it serves.
pub(crate) fn start(kind: Kind, lab: &Lab) -> Result<Box<dyn Server>> {
    Ok(match kind {
        Kind::Realtalk => Box::new(realtalk::RealTalk::start(lab)?),
        Kind::Nchan => Box::new(nchan::Nchan::start(lab)?),
        Kind::Bare => Box::new(bare::Bare::start()?),
        Kind::Centrifugo => bail!("centrifugo takes part where streams are opened only"),
    })
}

/// Why a server cannot be measured on this machine, if it cannot.
pub(crate) fn absent(kind: Kind, lab: &Lab) -> Option<String> {
    match kind {
        Kind::Realtalk => realtalk::absent(lab),
        Kind::Nchan => nchan::absent(),
        Kind::Bare => None,
        Kind::Centrifugo => centrifugo::absent(),
    }
}

/// Version and settings, for the record.
pub(crate) fn settings(kind: Kind, lab: &Lab) -> String {
    match kind {
        Kind::Realtalk => realtalk::settings(lab),
        Kind::Nchan => nchan::settings(lab),
        Kind::Bare => bare::SETTINGS.into(),
        Kind::Centrifugo => centrifugo::settings(),
    }
}
