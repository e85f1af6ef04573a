-- Ids are an order, and no dates: they stay ahead of a clock that was ahead once. So times that are shown
-- or compared are the clock's.

-- When a message was said, where its id does not say so.
alter table messages add column said_at integer;

-- How far the log had come at a time, for pruning. Until now the ids were dates.
create table moments (
    at integer primary key,
    last_id integer not null
) strict;
insert into moments (at, last_id)
select max(id), max(id) from events group by id / 3600000000;

-- Few sign out. Those who are dated in the future are found every few minutes.
create index user_signed_out_key on users (signed_out_at) where signed_out_at is not null;
