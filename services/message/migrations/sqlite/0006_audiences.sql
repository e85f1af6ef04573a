-- Who may see an event of a group is a set of users that its events share: kept once, and named by
-- its digest. `last_id` is about the last event that refers to it; when that has been pruned, so is the
-- set. It stands before what may be long, which is then not written again with it.
create table audiences (
    id text primary key,
    last_id integer not null,
    users text not null
) strict;
create index audience_last_key on audiences (last_id);

-- Events between these may still name everybody themselves; the service rewrites them when it starts.
alter table log add column inline_after integer not null default 0;
alter table log add column inline_until integer not null default 0;
update log set inline_until = last_id;
