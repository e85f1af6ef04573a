//! What several services on one database have to know of each other. A file has one service, which keeps this
//! in its memory.
//!
//! All times are the database server's: the clocks of the services may differ.

use std::{collections::HashSet, time::Duration};

use super::{
    Store, StoreError,
    database::{Connection, list, values},
    on_writer,
};

/// Ends a little table's memory of what has passed.
const FORGET: [&str; 3] = [
    "delete from tickets where ends_at < now()",
    "delete from guesses where full_at < now()",
    "delete from sign_ins where at < now() - interval '90 days'",
];

/// For a store that is shared. The lease, and forgetting, are nothing to do for one that is not.
impl Store {
    /// Keeps what a ticket says, for a while.
    pub async fn put_ticket(
        &self,
        hash: &str,
        says: &str,
        lifetime: Duration,
    ) -> Result<(), StoreError> {
        put_ticket(&mut self.pools.identifiers.connection().await?, hash, says, lifetime).await
    }

    /// What tickets say that have not been used or ended, by their hashes.
    pub async fn tickets(&self, hashes: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        tickets(&mut self.pools.identifiers.connection().await?, hashes).await
    }

    /// Uses tickets up; returns the hashes of those that could be used.
    pub async fn use_tickets(&self, hashes: &[String]) -> Result<HashSet<String>, StoreError> {
        use_tickets(&mut self.pools.identifiers.connection().await?, hashes).await
    }

    /// Takes a token out of a bucket of `burst`, to which one comes back each `period`. Returns how long to
    /// wait if there is none.
    pub async fn take_guess(
        &self,
        bucket: &str,
        burst: u64,
        period: Duration,
    ) -> Result<Result<(), Duration>, StoreError> {
        take_guess(&mut self.pools.identifiers.connection().await?, bucket, burst, period).await
    }

    /// Puts a token back.
    pub async fn give_back_guess(&self, bucket: &str, period: Duration) -> Result<(), StoreError> {
        give_back_guess(&mut self.pools.identifiers.connection().await?, bucket, period).await
    }

    /// Notes that somebody has signed in from somewhere.
    pub async fn note_sign_in(&self, pair: &str) -> Result<(), StoreError> {
        note_sign_in(&mut self.pools.identifiers.connection().await?, pair).await
    }

    /// Whether somebody has signed in from there.
    pub async fn has_signed_in(&self, pair: &str) -> Result<bool, StoreError> {
        has_signed_in(&mut self.pools.identifiers.connection().await?, pair).await
    }

    /// Whether a piece of work is this holder's to do: nobody else's is it before so much time has passed.
    /// A file has one who serves it.
    pub async fn lease(
        &self,
        work: &str,
        holder: &str,
        time: Duration,
    ) -> Result<bool, StoreError> {
        if !self.is_shared() {
            return Ok(true);
        }
        on_writer!(self, writer => lease(writer, work, holder, time))
    }

    /// Leaves a piece of work to others, from now on.
    pub async fn release(&self, work: &str, holder: &str) -> Result<(), StoreError> {
        if !self.is_shared() {
            return Ok(());
        }
        on_writer!(self, writer => release(writer, work, holder))
    }

    /// Forgets tickets that have ended, guesses that do not count any more, and sign-ins of long ago.
    pub async fn forget_ended(&self) -> Result<(), StoreError> {
        if !self.is_shared() {
            return Ok(());
        }
        on_writer!(self, writer => forget(writer))
    }
}

/// Keeps what a ticket says.
async fn put_ticket(
    connection: &mut Connection<'_>,
    hash: &str,
    says: &str,
    lifetime: Duration,
) -> Result<(), StoreError> {
    let statement = "insert into tickets (hash, says, ends_at) \
                     values ($1, $2, now() + $3 * interval '1 millisecond')";
    connection.execute(statement, values![hash, says, millis(lifetime)]).await?;
    Ok(())
}

/// What tickets say that have not been used or ended, by their hashes.
async fn tickets(
    connection: &mut Connection<'_>,
    hashes: &[String],
) -> Result<Vec<(String, String)>, StoreError> {
    let statement = "select hash, says from json_each($1) as asked \
                     cross join tickets on hash = asked.value ->> 0 where ends_at > now()";
    connection.all(statement, values![&list(hashes)?]).await
}

/// Uses tickets up; returns the hashes of those that could be used.
async fn use_tickets(
    connection: &mut Connection<'_>,
    hashes: &[String],
) -> Result<HashSet<String>, StoreError> {
    let statement = "delete from tickets where ends_at > now() \
                     and hash in (select value ->> 0 from json_each($1)) returning hash";
    let used: Vec<(String,)> = connection.all(statement, values![&list(hashes)?]).await?;
    Ok(used.into_iter().map(|(hash,)| hash).collect())
}

/// Takes a token out of a bucket of `burst`, to which one comes back each `period`. Returns how long to wait if
/// there is none.
async fn take_guess(
    connection: &mut Connection<'_>,
    bucket: &str,
    burst: u64,
    period: Duration,
) -> Result<Result<(), Duration>, StoreError> {
    let all = i64::try_from(burst).unwrap_or(i64::MAX).saturating_mul(millis(period));
    let taken = connection
        .execute(
            "insert into guesses (bucket, full_at) \
             values ($1, clock_timestamp() + $2 * interval '1 millisecond') \
             on conflict (bucket) do update \
             set full_at = greatest(guesses.full_at, clock_timestamp()) + $2 * interval '1 millisecond' \
             where greatest(guesses.full_at, clock_timestamp()) + $2 * interval '1 millisecond' \
               <= clock_timestamp() + $3 * interval '1 millisecond'",
            values![bucket, millis(period), all],
        )
        .await?;
    if taken == 1 {
        return Ok(Ok(()));
    }
    let (wait,): (i64,) = connection
        .one(
            "select coalesce(max(ceil(extract(epoch from full_at - clock_timestamp()) * 1000)), 0)::bigint \
             + $2 - $3 from guesses where bucket = $1",
            values![bucket, millis(period), all],
        )
        .await?;
    Ok(Err(Duration::from_millis(u64::try_from(wait).unwrap_or(0))))
}

/// Puts a token back.
async fn give_back_guess(
    connection: &mut Connection<'_>,
    bucket: &str,
    period: Duration,
) -> Result<(), StoreError> {
    let statement =
        "update guesses set full_at = full_at - $2 * interval '1 millisecond' where bucket = $1";
    connection.execute(statement, values![bucket, millis(period)]).await?;
    Ok(())
}

/// Notes that somebody has signed in from somewhere.
async fn note_sign_in(connection: &mut Connection<'_>, pair: &str) -> Result<(), StoreError> {
    let statement = "insert into sign_ins (pair, at) values ($1, now()) \
                     on conflict (pair) do update set at = excluded.at";
    connection.execute(statement, values![pair]).await?;
    Ok(())
}

/// Whether somebody has signed in from there.
async fn has_signed_in(connection: &mut Connection<'_>, pair: &str) -> Result<bool, StoreError> {
    let statement = "select exists (select 1 from sign_ins where pair = $1)";
    let (has,): (bool,) = connection.one(statement, values![pair]).await?;
    Ok(has)
}

/// Whether a piece of work is this holder's to do: nobody else's is it before so much time has passed.
async fn lease(
    connection: &mut Connection<'_>,
    work: &str,
    holder: &str,
    time: Duration,
) -> Result<bool, StoreError> {
    let statement = "insert into leases (work, holder, ends_at) \
                     values ($1, $2, now() + $3 * interval '1 millisecond') \
                     on conflict (work) do update set holder = excluded.holder, ends_at = excluded.ends_at \
                     where leases.holder = excluded.holder or leases.ends_at < now()";
    Ok(connection.execute(statement, values![work, holder, millis(time)]).await? == 1)
}

/// Leaves it to others, from now on.
async fn release(
    connection: &mut Connection<'_>,
    work: &str,
    holder: &str,
) -> Result<(), StoreError> {
    let statement = "delete from leases where work = $1 and holder = $2";
    connection.execute(statement, values![work, holder]).await?;
    Ok(())
}

/// Forgets what has passed.
async fn forget(connection: &mut Connection<'_>) -> Result<(), StoreError> {
    for statement in FORGET {
        connection.execute(statement, values![]).await?;
    }
    Ok(())
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
