//! A conversation as its members see it, for answers and events.

use crate::{
    chat::conversation::{Card, ConversationKind, Place},
    store::{StoreError, database::Connection, rows},
};

/// A conversation as its members see it.
pub(super) async fn read(tx: &mut Connection<'_>, id: &str) -> Result<Option<Card>, StoreError> {
    let Some(place) = rows::place(tx, id).await? else {
        return Ok(None);
    };
    let members = rows::private_members(tx, &place).await?;
    Ok(Some(of(&place, &members)))
}

/// The same of one that has been read, with its members.
pub(super) fn of(place: &Place, members: &[rows::MemberRow]) -> Card {
    let private = place.kind != ConversationKind::Room;
    place.card(private.then(|| members.iter().map(rows::MemberRow::to_member).collect()))
}
