-- The schema. Times and ids are microseconds since 1970 (see common::EventId). Keys compare by their bytes,
-- whatever the language of the database.

-- One row: where the event log ends, and where it begins since old events were pruned. Whoever writes
-- locks it first, so that ids follow the order of commits.
create table log (
    only_row smallint primary key check (only_row = 1),
    last_id bigint not null,
    floor bigint not null
) with (fillfactor = 50);
insert into log (only_row, last_id, floor) values (1, 0, 0);

create table conversations (
    id text collate "C" primary key,
    kind text not null,
    -- The seq of the newest message; the next one gets one more, in the same transaction.
    last_seq bigint not null default 0,
    name text,
    -- Whether new members see what was said before they came: 'all' or 'joined'.
    history text not null default 'all',
    created_by text,
    created_at bigint not null default 0,
    -- The id of the newest message, or of the event of its creation.
    active_at bigint not null default 0,
    -- Rooms are listed with the number of their members, which may be everybody: kept, not counted.
    member_count bigint not null default 0
) with (fillfactor = 80);
insert into conversations (id, kind) values ('public', 'room');
create index conversation_room_key on conversations (id) where kind = 'room';

create table messages (
    id bigint primary key,
    conversation_id text collate "C" not null references conversations (id),
    seq bigint not null,
    -- The name as its owner writes it, and folded for comparison.
    sender text not null,
    sender_key text collate "C" not null,
    content text not null,
    -- Chosen by the client, so that sending again is not posting again; and a digest of what
    -- was posted under it, which stays when the message is edited.
    client_msg_id text collate "C",
    digest text,
    reply_to bigint,
    edited_at bigint,
    deleted_at bigint,
    -- Names as a JSON array, to be shown with the message; a table below is for counting.
    mentions text,
    -- When it was said, where its id does not say so.
    said_at bigint
);
create unique index message_seq_key on messages (conversation_id, seq);
create unique index message_conversation_key on messages (conversation_id, id);
create unique index message_client_msg_key on messages (sender_key, client_msg_id)
where client_msg_id is not null;

-- The event log, which is the outbox too: what the notification service is told, in order.
create table events (
    id bigint primary key,
    type text not null,
    -- JSON, as text.
    audience text not null,
    data text not null
);
-- A message that is deleted must not be read from the events about its edits either, which may stand
-- anywhere after it.
create index event_updated_key on events ((data::json -> 'message' ->> 'id'))
where type = 'message_updated';

-- Who may see an event of a group is a set of users that its events share: kept once, and named by
-- its digest. `last_id` is about the last event that refers to it; when that has been pruned, so is the
-- set.
create table audiences (
    id text collate "C" primary key,
    last_id bigint not null,
    users text not null
);
create index audience_last_key on audiences (last_id);

create table users (
    -- The name, folded for comparison, and as first written.
    key text collate "C" primary key,
    name text not null,
    display_name text not null,
    -- Folded like the key.
    display_key text,
    -- A guest came by name only; a member has registered.
    kind text not null check (kind in ('guest', 'member')),
    password_hash text,
    -- An outside issuer has said who they are: from then on the name needs one of its tokens.
    vouched boolean not null default false,
    admin boolean not null default false,
    -- Tokens of earlier epochs are void; those without an epoch, if they are older than this.
    epoch bigint not null default 0,
    signed_out_at bigint,
    created_at bigint not null,
    deactivated_at bigint
);
create index user_signed_out_key on users (signed_out_at) where signed_out_at is not null;

create table members (
    conversation_id text collate "C" not null references conversations (id),
    user_key text collate "C" not null references users (key),
    role text not null default 'member' check (role in ('owner', 'member')),
    joined_at bigint not null,
    -- The newest seq when they came.
    joined_seq bigint not null,
    -- Everything up to these has been read by them, and has reached them.
    read_seq bigint not null,
    delivered_seq bigint not null,
    -- When one of these last moved, for clients that were away.
    marked_at bigint not null default 0,
    primary key (conversation_id, user_key)
) with (fillfactor = 80);
create index member_user_key on members (user_key, conversation_id);
-- A room has an owner as long as it has members: the next owner is who has been there longest.
create index member_role_key on members (conversation_id, role, joined_at, user_key);

create function count_who_came() returns trigger language plpgsql as $$
begin
    update conversations set member_count = member_count + came.number
    from (select conversation_id, count(*) as number from those group by conversation_id) as came
    where conversations.id = came.conversation_id;
    return null;
end $$;
create trigger member_came after insert on members referencing new table as those
for each statement execute function count_who_came();
create function count_who_went() returns trigger language plpgsql as $$
begin
    update conversations set member_count = member_count - went.number
    from (select conversation_id, count(*) as number from those group by conversation_id) as went
    where conversations.id = went.conversation_id;
    return null;
end $$;
create trigger member_went after delete on members referencing old table as those
for each statement execute function count_who_went();

create table mentions (
    user_key text collate "C" not null,
    conversation_id text collate "C" not null,
    seq bigint not null,
    primary key (user_key, conversation_id, seq)
);

create table reactions (
    message_id bigint not null references messages (id),
    emoji text collate "C" not null,
    user_key text collate "C" not null,
    "user" text not null,
    created_at bigint not null,
    primary key (message_id, emoji, user_key)
);
create index reaction_time_key on reactions (message_id, emoji, created_at, user_key);
-- Everybody in a room may share a reaction: how many do is kept, not counted, and the first names
-- are shown.
create table reaction_counts (
    message_id bigint not null references messages (id),
    emoji text collate "C" not null,
    count bigint not null,
    primary key (message_id, emoji)
);
create function count_reaction() returns trigger language plpgsql as $$
begin
    insert into reaction_counts (message_id, emoji, count) values (new.message_id, new.emoji, 1)
    on conflict (message_id, emoji) do update set count = reaction_counts.count + 1;
    return null;
end $$;
create trigger reaction_came after insert on reactions
for each row execute function count_reaction();
create function count_reaction_no_more() returns trigger language plpgsql as $$
begin
    update reaction_counts set count = count - 1
    where message_id = old.message_id and emoji = old.emoji;
    delete from reaction_counts
    where message_id = old.message_id and emoji = old.emoji and count = 0;
    return null;
end $$;
create trigger reaction_went after delete on reactions
for each row execute function count_reaction_no_more();

-- What protected names look like (see chat/look.rs), so that nobody is taken for somebody whose name is
-- protected: whoever shares a look with one, and has shown nothing, cannot use their name.
create table protected_looks (
    look text collate "C" not null,
    user_key text collate "C" not null references users (key),
    primary key (look, user_key)
);
create index protected_look_user_key on protected_looks (user_key);

-- Ids are an order, and no dates: how far the log had come at a time, for pruning.
create table moments (
    at bigint primary key,
    last_id bigint not null
);
