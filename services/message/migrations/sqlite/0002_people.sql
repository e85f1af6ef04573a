-- Users, and conversations that are not for everybody.

create table users (
    -- The name, folded for comparison, and as first written.
    key text primary key,
    name text not null,
    display_name text not null,
    -- A guest came by name only; a member has registered.
    kind text not null check (kind in ('guest', 'member')),
    password_hash text,
    admin integer not null default 0,
    -- Tokens of earlier epochs are void; those without an epoch, if they are older than this.
    epoch integer not null default 0,
    signed_out_at integer,
    created_at integer not null,
    deactivated_at integer
) strict, without rowid;

update conversations set kind = 'room';
alter table conversations add column name text;
-- Whether new members see what was said before they came: 'all' or 'joined'.
alter table conversations add column history text not null default 'all';
alter table conversations add column created_by text;
alter table conversations add column created_at integer not null default 0;
-- The id of the newest message, or of the event of its creation.
alter table conversations add column active_at integer not null default 0;
update conversations set active_at = coalesce(
    (select max(id) from messages where messages.conversation_id = conversations.id), 0
);
create index conversation_room_key on conversations (id) where kind = 'room';

create table members (
    conversation_id text not null references conversations (id),
    user_key text not null references users (key),
    role text not null default 'member' check (role in ('owner', 'member')),
    joined_at integer not null,
    -- The newest seq when they came.
    joined_seq integer not null,
    -- Everything up to these has been read by them, and has reached them.
    read_seq integer not null,
    delivered_seq integer not null,
    -- When one of these last moved, for clients that were away.
    marked_at integer not null default 0,
    primary key (conversation_id, user_key)
) strict, without rowid;
create index member_user_key on members (user_key, conversation_id);

alter table messages add column reply_to integer;
alter table messages add column edited_at integer;
alter table messages add column deleted_at integer;
-- Names as a JSON array, to be shown with the message; the table below is for counting.
alter table messages add column mentions text;

create table mentions (
    user_key text not null,
    conversation_id text not null,
    seq integer not null,
    primary key (user_key, conversation_id, seq)
) strict, without rowid;

create table reactions (
    message_id integer not null references messages (id),
    emoji text not null,
    user_key text not null,
    user text not null,
    created_at integer not null,
    primary key (message_id, emoji, user_key)
) strict, without rowid;
