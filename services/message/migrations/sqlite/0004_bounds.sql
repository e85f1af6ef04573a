-- An outside issuer has said who they are: from then on the name needs one of its tokens, whatever
-- else may be used without. It stays so when tokens come from elsewhere.
alter table users add column vouched integer not null default 0;

-- A room has an owner as long as it has members, and may have very many of these: the next owner is
-- who has been there longest.
create index member_role_key on members (conversation_id, role, joined_at, user_key);

-- A message that is deleted must not be read from the events about its edits either, which may stand
-- anywhere after it.
create index event_updated_key on events (data ->> '$.message.id') where type = 'message_updated';

-- Everybody in a room may share a reaction: how many do is kept, not counted, and the first names
-- are shown.
create table reaction_counts (
    message_id integer not null references messages (id),
    emoji text not null,
    count integer not null,
    primary key (message_id, emoji)
) strict, without rowid;
insert into reaction_counts (message_id, emoji, count)
select message_id, emoji, count(*) from reactions group by message_id, emoji;
create trigger reaction_came after insert on reactions begin
    insert into reaction_counts (message_id, emoji, count)
    select new.message_id, new.emoji, 0 where not exists (
        select 1 from reaction_counts where message_id = new.message_id and emoji = new.emoji
    );
    update reaction_counts set count = count + 1
    where message_id = new.message_id and emoji = new.emoji;
end;
create trigger reaction_went after delete on reactions begin
    update reaction_counts set count = count - 1
    where message_id = old.message_id and emoji = old.emoji;
    delete from reaction_counts
    where message_id = old.message_id and emoji = old.emoji and count = 0;
end;
create index reaction_time_key on reactions (message_id, emoji, created_at, user_key);
