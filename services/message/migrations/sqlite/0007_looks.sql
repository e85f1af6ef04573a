-- What names look like, so that nobody is taken for somebody else whose name is protected. A name has
-- one or two looks (see chat/look.rs); it is a lookalike when it shares one with a protected name, and is
-- not protected itself.
create table looks (
    look text not null,
    user_key text not null references users (key),
    primary key (look, user_key)
) strict, without rowid;
alter table users add column lookalike integer not null default 0;

-- What the service rewrites when it starts, because SQL cannot: 1 when names have their looks, and
-- reactions one form for each emoji.
alter table log add column rewritten integer not null default 0;
