-- An outside issuer has said who they are: from then on the name needs one of its tokens, whatever
-- else may be used without. It stays so when tokens come from elsewhere.
alter table users add column vouched integer not null default 0;

-- A room has an owner as long as it has members, and may have very many of these: the next owner is
-- who has been there longest.
create index member_role_key on members (conversation_id, role, joined_at, user_key);

-- A message that is deleted must not be read from the events about its edits either, which may stand
-- anywhere after it.
create index event_updated_key on events (data ->> '$.message.id') where type = 'message_updated';
