//! Addresses of this service, for `Location` and `Link`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::identity::caller::Caller;

/// What stands for itself everywhere in a path and in a query; the colons of ids stay readable.
const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// An id or a name, as a segment of a path or a value in a query.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Where a conversation is.
pub fn conversation(id: &str) -> String {
    format!("/conversations/{}", encode(id))
}

/// The parameter by which a caller says again who they are, if that is taken as given.
pub fn claim(caller: &Caller) -> String {
    match &caller.user {
        Some(user) if !caller.shown => format!("user={}&", encode(&user.name)),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_directs_stay_readable_and_nothing_breaks_out() {
        assert_eq!(encode("dm:john doe:é"), "dm:john%20doe:%C3%A9");
        assert_eq!(encode("a/b?c#d&e>f%"), "a%2Fb%3Fc%23d%26e%3Ef%25");
    }
}
