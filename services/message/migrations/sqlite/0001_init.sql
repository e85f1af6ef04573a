-- The first schema. Times and ids are microseconds since 1970 (see common::EventId).

-- One row: where the event log ends, and where it begins since old events were pruned.
create table log (
    only_row integer primary key check (only_row = 1),
    last_id integer not null,
    floor integer not null
) strict;
insert into log (only_row, last_id, floor) values (1, 0, 0);

create table conversations (
    id text primary key,
    kind text not null,
    -- The seq of the newest message; the next one gets one more, in the same transaction.
    last_seq integer not null default 0
) strict, without rowid;
insert into conversations (id, kind) values ('public', 'public');

create table messages (
    id integer primary key,
    conversation_id text not null references conversations (id),
    seq integer not null,
    -- The name as its owner writes it, and folded for comparison.
    sender text not null,
    sender_key text not null,
    content text not null,
    -- Chosen by the client, so that sending again is not posting again; and a digest of what
    -- was posted under it, which stays when the message is edited.
    client_msg_id text,
    digest text
) strict;
create unique index message_seq_key on messages (conversation_id, seq);
create unique index message_conversation_key on messages (conversation_id, id);
create unique index message_client_msg_key on messages (sender_key, client_msg_id)
where client_msg_id is not null;

-- The event log, which is the outbox too: what the notification service is told, in order.
create table events (
    id integer primary key,
    type text not null,
    audience text not null,
    data text not null
) strict;
