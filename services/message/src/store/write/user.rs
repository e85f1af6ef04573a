//! Accounts: making them, changing them, ending their sessions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use common::{Moment, internal::UserRef};

use super::{Changed, membership, session};
use crate::{
    chat::{
        change::{Answer, Change, Made, Outcome, Refusal},
        member::Role,
        user::UserKind,
        username::{Username, fold},
    },
    store::{
        StoreError,
        database::{Connection, list, since_1970, values},
        journal::Journal,
        looks, rows,
    },
};

/// Makes an account, or one of a guest's name.
pub(super) async fn register(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    name: &Username,
    display_name: &str,
    password_hash: Option<&str>,
    takes_over_guest: bool,
) -> Changed {
    match rows::account(tx, name.key()).await? {
        Some(account) if account.is_protected() => return Ok(Err(Refusal::NameTaken)),
        _ if is_lookalike(tx, name.key(), name.as_str()).await? => {
            return Ok(Err(Refusal::NameConfusable));
        }
        None => insert(tx, journal.now(), name, UserKind::Member).await?,
        Some(guest)
            if takes_over_guest && guest.kind == UserKind::Guest && !guest.is_protected() => {}
        Some(_) => return Ok(Err(Refusal::NameTaken)),
    }
    tx.execute(
        "update users set name = $2, display_name = $3, kind = 'member', password_hash = $4, \
         display_key = $5 where key = $1",
        values![name.key(), name.as_str(), display_name, password_hash, &fold(display_name)],
    )
    .await?;
    if password_hash.is_some() {
        looks::protect(tx, &[(name.key(), name.as_str())]).await?;
        // Whoever used the name until now has to show that it is theirs.
        session::end_since(tx, journal, name.key(), "signed_out").await?;
    }
    answer(tx, name.key(), Made::New).await
}

/// Sees to it that those who have only a name can be addressed: a storm of newcomers is few statements.
pub(super) async fn welcome(
    tx: &mut Connection<'_>,
    journal: &Journal,
    names: &[&Username],
) -> Result<Vec<Outcome>, StoreError> {
    let keys: BTreeSet<_> = names.iter().map(|name| name.key()).collect();
    let known = known(tx, &keys).await?;
    let mut new: BTreeMap<&str, &str> = BTreeMap::new();
    for name in names.iter().filter(|name| !known.contains(name.key())) {
        new.entry(name.key()).or_insert(name.as_str());
    }
    let new: Vec<_> = new.into_iter().collect();
    insert_all(tx, journal.now(), &new, UserKind::Guest).await?;
    let condition = "where key in (select value ->> 0 from json_each($1))";
    let accounts = rows::accounts(tx, condition, values![&list(&keys)?]).await?;
    let accounts: HashMap<_, _> =
        accounts.into_iter().map(|account| (account.user.key.clone(), account)).collect();
    let outcome = |name: &&Username| {
        let made = if known.contains(name.key()) { Made::Found } else { Made::New };
        let account = accounts.get(name.key()).cloned().ok_or(Refusal::NoUser)?;
        Ok(Answer::Account(Box::new(account), made))
    };
    Ok(names.iter().map(outcome).collect())
}

/// Sees to it that someone can be addressed of whom an outside issuer has said that the name is theirs, and
/// that nobody uses it without a token any more.
pub(super) async fn vouch(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    name: &Username,
) -> Changed {
    let there = rows::account(tx, name.key()).await?;
    if there.is_none() {
        insert(tx, journal.now(), name, UserKind::Guest).await?;
    }
    if there.as_ref().is_none_or(|account| !account.vouched) {
        tx.execute(
            "update users set kind = 'member', vouched = true where key = $1",
            values![name.key()],
        )
        .await?;
        looks::protect(tx, &[(name.key(), name.as_str())]).await?;
        if there.is_some() {
            // Whoever used the name until now has to show a token; those of the issuer stay valid.
            session::begin_epoch(tx, journal, name.key(), "signed_out", None).await?;
        }
    }
    answer(tx, name.key(), if there.is_some() { Made::Found } else { Made::New }).await
}

/// Adds guests, who are not known yet.
pub(super) async fn add_guests(
    tx: &mut Connection<'_>,
    at: Moment,
    names: &[&Username],
) -> Result<(), StoreError> {
    let names: Vec<_> = names.iter().map(|name| (name.key(), name.as_str())).collect();
    insert_all(tx, at, &names, UserKind::Guest).await
}

/// Adds a guest under the name of someone who acts, unless they are known; refuses whoever looks like
/// somebody whose name is protected.
pub(super) async fn ensure(
    tx: &mut Connection<'_>,
    journal: &Journal,
    user: &UserRef,
) -> Result<Result<(), Refusal>, StoreError> {
    if known(tx, &BTreeSet::from([user.key.as_str()])).await?.is_empty() {
        let name = (user.key.as_str(), user.name.as_str());
        if is_lookalike(tx, name.0, name.1).await? {
            return Ok(Err(Refusal::NameProtected));
        }
        insert_all(tx, journal.now(), &[name], UserKind::Guest).await?;
    }
    Ok(Ok(()))
}

/// Those of these keys that accounts have.
pub(super) async fn known(
    tx: &mut Connection<'_>,
    keys: &BTreeSet<&str>,
) -> Result<BTreeSet<String>, StoreError> {
    let rows: Vec<(String,)> = tx
        .all(
            "select users.key from json_each($1) as asked cross join users on users.key = \
         asked.value ->> 0",
            values![&list(keys)?],
        )
        .await?;
    Ok(rows.into_iter().map(|(key,)| key).collect())
}

/// Changes a profile.
pub(super) async fn update_profile(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    change: &Change,
) -> Changed {
    let Change::UpdateProfile { user, epoch, display_name, password_hash } = change else {
        return Ok(Ok(Answer::Done));
    };
    if password_hash.is_some() && is_lookalike(tx, &user.key, &user.name).await? {
        return Ok(Err(Refusal::NameConfusable));
    }
    let changed = tx
        .execute(
            "update users set display_name = coalesce($3, display_name), \
             display_key = coalesce($5, display_key), \
             password_hash = coalesce($4, password_hash), \
             kind = case when $4 is null then kind else 'member' end where key = $1 and epoch = $2",
            values![
                &user.key,
                *epoch as i64,
                display_name,
                password_hash,
                display_name.as_deref().map(fold).as_deref(),
            ],
        )
        .await?;
    if changed == 0 {
        return Ok(Err(Refusal::NameProtected));
    }
    if password_hash.is_some() {
        looks::protect(tx, &[(&user.key, &user.name)]).await?;
        session::end_since(tx, journal, &user.key, "signed_out").await?;
    }
    answer(tx, &user.key, Made::Found).await
}

/// Changes what an account may do.
pub(super) async fn update_account(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    name: &Username,
    admin: Option<bool>,
    deactivated: Option<bool>,
) -> Changed {
    let Some(before) = rows::account(tx, name.key()).await? else {
        return Ok(Err(Refusal::NoUser));
    };
    let now = since_1970(journal.now());
    let deactivated_at = deactivated.unwrap_or(before.deactivated).then_some(now);
    tx.execute(
        "update users set admin = $2, deactivated_at = $3 where key = $1",
        values![name.key(), admin.unwrap_or(before.admin), deactivated_at],
    )
    .await?;
    let is_protected = before.password_hash.is_some() || before.vouched;
    match deactivated_at {
        Some(_) => looks::free(tx, name.key()).await?,
        None if is_protected => {
            looks::protect(tx, &[(&before.user.key, &before.user.name)]).await?;
        }
        None => {}
    }
    if deactivated_at.is_some() && !before.deactivated {
        session::end_since(tx, journal, name.key(), "deactivated").await?;
    }
    answer(tx, name.key(), Made::Found).await
}

/// Ends all sessions of a user.
pub(super) async fn end_sessions(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    key: &str,
) -> Changed {
    session::end_since(tx, journal, key, "signed_out").await?;
    answer(tx, key, Made::Found).await
}

/// Adds an account, which is a member of the public room from now on.
async fn insert(
    tx: &mut Connection<'_>,
    at: Moment,
    name: &Username,
    kind: UserKind,
) -> Result<(), StoreError> {
    insert_all(tx, at, &[(name.key(), name.as_str())], kind).await
}

/// Adds users by key and name, who are in the public room from then on: two statements, however many.
async fn insert_all(
    tx: &mut Connection<'_>,
    at: Moment,
    names: &[(&str, &str)],
    kind: UserKind,
) -> Result<(), StoreError> {
    if names.is_empty() {
        return Ok(());
    }
    let kind = if kind == UserKind::Member { "member" } else { "guest" };
    tx.execute(
        "insert into users (key, name, display_name, kind, created_at) \
         select value ->> 0, value ->> 1, value ->> 1, $2, $3 from json_each($1)",
        values![&serde_json::to_string(names)?, kind, since_1970(at)],
    )
    .await?;
    if let Some(public) = rows::place(tx, common::event::PUBLIC_ROOM).await? {
        let members: Vec<_> = names.iter().map(|(key, _)| (*key, Role::default())).collect();
        membership::insert_all(tx, at, &public, &members).await?;
    }
    Ok(())
}

async fn is_lookalike(tx: &mut Connection<'_>, key: &str, name: &str) -> Result<bool, StoreError> {
    Ok(!looks::alike(tx, &[(key, name)]).await?.is_empty())
}

async fn answer(tx: &mut Connection<'_>, key: &str, made: Made) -> Changed {
    let account = rows::account(tx, key).await?;
    Ok(account.map_or(Err(Refusal::NoUser), |account| Ok(Answer::Account(Box::new(account), made))))
}
