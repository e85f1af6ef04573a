//! Reads about people, and about where they may go.

use std::collections::{BTreeSet, HashSet};

use crate::{
    chat::{user::Account, username::Username},
    store::{
        Arrivals, StoreError,
        database::{Connection, Pool, list, values},
        looks, rows,
    },
};

/// Conversations of one user that are looked at for what waits in them. Whoever has more is asked
/// about by themselves: what all come for must not take as long as one of them takes.
const MOST_CONVERSATIONS: u32 = 100;

/// Messages of one conversation that are looked at for one that is not the user's own.
const MOST_MESSAGES: u32 = 5;

/// People by a part of their names: those whose name begins with it, and then the others, both by
/// name.
///
/// Ends where it has enough: a beginning that many have is found in the order of the table. Who looks
/// for what few have looks at every user, some 80 ms for 100,000 of them.
pub(in crate::store) async fn find_users(
    connection: &mut Connection<'_>,
    part: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    const BEGIN: &str = "where deactivated_at is null and key >= $1 and key < $2 and key <> $3 \
         order by key limit $4";
    const OTHERS: &str = "where deactivated_at is null and key > $2 and instr(key, $1) <> 1 \
         and (instr(key, $1) > 0 or instr(coalesce(display_key, lower(display_name)), $1) > 0) \
         order by key limit $3";
    // No name is empty.
    let after = after.unwrap_or_default();
    let is_among_others = !after.is_empty() && !after.starts_with(part);
    let mut found = Vec::new();
    if !is_among_others {
        // A range of the table: no name has the last character there is.
        let end = format!("{part}{}", char::MAX);
        found =
            rows::accounts(connection, BEGIN, values![part.max(after), &end, after, limit]).await?;
    }
    // Every name begins with nothing.
    if found.len() < limit as usize && !part.is_empty() {
        let others_after = if is_among_others { after } else { "" };
        let asked = values![part, others_after, limit - found.len() as u32];
        found.extend(rows::accounts(connection, OTHERS, asked).await?);
    }
    Ok(found)
}

/// Whether all of these are public rooms.
pub(in crate::store) async fn are_rooms(
    connection: &mut Connection<'_>,
    ids: &[String],
) -> Result<bool, StoreError> {
    let ids: BTreeSet<_> = ids.iter().map(String::as_str).collect();
    Ok(rooms_among(connection, &ids).await?.len() == ids.len())
}

/// Those of these that are public rooms.
async fn rooms_among(
    connection: &mut Connection<'_>,
    ids: &BTreeSet<&str>,
) -> Result<HashSet<String>, StoreError> {
    let found: Vec<(String,)> = connection
        .all(
            "select id from conversations \
             where kind = 'room' and id in (select value ->> 0 from json_each($1))",
            values![&list(ids)?],
        )
        .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Those of these users for whom there may be what has not been delivered to them.
const AWAITED: &str = "\
    select asked.key from (select value ->> 0 as key from json_each($1) as them) as asked \
    where exists ( \
      select 1 from ( \
        select conversation_id, delivered_seq, row_number() over () as number \
        from members where user_key = asked.key limit $2 + 1) as mine \
      cross join conversations on conversations.id = mine.conversation_id \
      where mine.number > $2 or kind <> 'room' and last_seq > mine.delivered_seq and exists ( \
        select 1 from ( \
          select sender_key, deleted_at, row_number() over () as number from messages \
          where conversation_id = mine.conversation_id and seq > mine.delivered_seq \
          order by seq limit $3) as said \
        where said.number = $3 or sender_key <> asked.key and deleted_at is null))";

/// What is known of those who come to streams.
pub(in crate::store) async fn arrivals(
    readers: &Pool,
    names: &[&Username],
    rooms: &BTreeSet<&str>,
) -> Result<Arrivals, StoreError> {
    let mut tx = readers.snapshot().await?;
    let keys: BTreeSet<_> = names.iter().map(|name| name.key()).collect();
    let listed = list(&keys)?;
    let condition = "where key in (select value ->> 0 from json_each($1))";
    let accounts = rows::accounts(&mut tx, condition, values![&listed]).await?;
    let awaited: Vec<(String,)> =
        tx.all(AWAITED, values![&listed, MOST_CONVERSATIONS, MOST_MESSAGES]).await?;
    let rooms = rooms_among(&mut tx, rooms).await?;
    let claimed = names.iter().map(|name| (name.key(), name.as_str()));
    let shown = accounts.iter().map(|it| (it.user.key.as_str(), it.user.name.as_str()));
    let spellings: BTreeSet<_> = claimed.chain(shown).collect();
    let spellings: Vec<_> = spellings.into_iter().collect();
    let lookalikes = looks::alike(&mut tx, &spellings).await?;
    Ok(Arrivals {
        accounts: accounts.into_iter().map(|it| (it.user.key.clone(), it)).collect(),
        rooms,
        lookalikes,
        awaited: awaited.into_iter().map(|(key,)| key).collect(),
    })
}
