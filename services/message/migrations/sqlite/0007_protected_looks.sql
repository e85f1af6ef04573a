-- What protected names look like (see chat/look.rs), so that nobody is taken for somebody whose name is
-- protected: whoever shares a look with one, and has shown nothing, cannot use their name.
create table protected_looks (
    look text not null,
    user_key text not null references users (key),
    primary key (look, user_key)
) strict, without rowid;
create index protected_look_user_key on protected_looks (user_key);

-- What the service rewrites when it starts, because SQL cannot: 1 when protected names have their looks, and
-- reactions one form for each emoji.
alter table log add column rewritten integer not null default 0;
