//! Ids of conversations: `public` or another room's slug, `dm:alice:bob`, `g-…`.

use http_kit::Rejection;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The id of the direct conversation of two users, by their keys, in either order.
pub fn direct_id(one: &str, other: &str) -> String {
    let (first, second) = if one <= other { (one, other) } else { (other, one) };
    format!("dm:{first}:{second}")
}

/// The keys of the two users whose direct conversation has this id.
pub fn direct_keys(id: &str) -> Option<(&str, &str)> {
    id.strip_prefix("dm:")?.split_once(':')
}

/// A new group's id.
pub fn group_id() -> String {
    format!("g-{}", uuid::Uuid::new_v4().simple())
}

/// A room's id: 1–64 lower-case letters, digits and dashes.
pub fn parse_room_id(text: &str) -> Result<String, Rejection> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let well_formed = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| plain(byte) || byte == b'-')
        && text.bytes().next().is_some_and(plain)
        // Not to be taken for a group, or for the route of that name.
        && !text.starts_with("g-")
        && text != "resolve";
    if well_formed {
        return Ok(text.to_owned());
    }
    Err(Rejection::field(
        "id",
        "room_id_invalid",
        "a room's id has 1 to 64 lower-case letters, digits and dashes, does not begin with g-, and \
         is not resolve",
    ))
}

/// A room's id made from its name, whose letters lose their accents. Refused if there are others
/// than those of ids: what is left of such a name would be another one.
pub fn room_id_from(name: &str) -> Result<String, Rejection> {
    let mut id = String::new();
    for c in name.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            id.push(c);
        } else if c.is_alphanumeric() {
            return Err(room_id_missing());
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    id.truncate(64);
    parse_room_id(id.trim_end_matches('-')).map_err(|_| room_id_missing())
}

fn room_id_missing() -> Rejection {
    Rejection::field(
        "id",
        "room_id_invalid",
        "no id can be made from this name: send one in id, of lower-case letters, digits and dashes",
    )
}
