//! The actix-web glue that both RealTalk services need, once.
//!
//! What wraps an app or a part of it:
//!
//! | module | noun |
//! | --- | --- |
//! | [`guard`] | under which names a service answers |
//! | [`connections`] | [`Connections`]: who is connected, and for how long |
//! | [`operations`] | [`Operations`]: ids, log lines and metrics of requests; `/health`, `/readyz`, `/metrics`, `/version` |
//! | [`prefix`] | addresses of a service that a proxy has put under a path |
//! | [`internal`] | [`InternalHop`]: who may call the routes between the services |
//!
//! What comes in:
//!
//! | module | noun |
//! | --- | --- |
//! | [`request`] | methods that are routed, unknown routes and wrong methods |
//! | [`body`] | [`JsonBody`]: a JSON body, read within a size and a deadline |
//! | [`query`] | [`Query`]: the parameters of a request |
//! | [`mod@bearer`] | the token that a request presents |
//! | [`session_cookie`] | [`SessionCookies`]: under which names pages carry their token |
//! | [`held_body`] | chunked bodies that nobody reads |
//!
//! Who may call, and how often:
//!
//! | module | noun |
//! | --- | --- |
//! | [`origin`] | [`OriginPolicy`]: which web pages may call, and the CORS answers |
//! | [`nameless`] | [`Nameless`](nameless::Nameless): what pages without an origin may ask for |
//! | [`address`] | [`TrustedProxies`]: the address a request really comes from |
//! | [`rate`] | [`RateLimit`]: how often an address may do something |
//! | [`turns`] | [`Turns`](turns::Turns): whose question comes next, when many ask |
//!
//! What goes out:
//!
//! | module | noun |
//! | --- | --- |
//! | [`description`] | what every operation may be refused with, for the API's description |
//! | [`rejection`] | [`Rejection`]: an error on its way to becoming a problem response |
//!
//! The process:
//!
//! | module | noun |
//! | --- | --- |
//! | [`command`] | the subcommands that every binary has |
//! | [`settings`] | reading the environment, with errors of one line |
//! | [`shutdown`] | [`Shutdown`]: one signal that everything listens to |
//! | [`open_files`] | [`OpenFiles`]: how many descriptors there may be |
//! | [`memory`] | what memory is taken from the system |
//!
//! Nothing here knows a message.

pub mod address;
pub mod bearer;
pub mod body;
pub mod command;
pub mod connections;
pub mod description;
pub mod guard;
pub mod held_body;
mod host;
pub mod internal;
pub mod memory;
pub mod nameless;
pub mod open_files;
pub mod operations;
pub mod origin;
pub mod prefix;
pub mod query;
pub mod rate;
pub mod rejection;
pub mod request;
mod request_id;
pub mod session_cookie;
pub mod settings;
mod shape;
pub mod shutdown;
pub mod turns;

pub use address::TrustedProxies;
pub use bearer::bearer;
pub use body::{JsonBody, OptionalJsonBody};
pub use connections::Connections;
pub use internal::InternalHop;
pub use open_files::OpenFiles;
pub use operations::Operations;
pub use origin::OriginPolicy;
pub use query::Query;
pub use rate::RateLimit;
pub use rejection::Rejection;
pub use session_cookie::SessionCookies;
pub use settings::{AuthMode, SettingError};
pub use shutdown::Shutdown;
