-- An outside issuer has said who they are: from then on the name needs one of its tokens, whatever
-- else may be used without. It stays so when tokens come from elsewhere.
alter table users add column vouched integer not null default 0;
