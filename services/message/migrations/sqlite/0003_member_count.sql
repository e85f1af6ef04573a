-- Rooms are listed with the number of their members, which may be everybody: kept, not counted.

alter table conversations add column member_count integer not null default 0;
update conversations set member_count = (
    select count(*) from members where members.conversation_id = conversations.id
);
create trigger member_came after insert on members begin
    update conversations set member_count = member_count + 1 where id = new.conversation_id;
end;
create trigger member_went after delete on members begin
    update conversations set member_count = member_count - 1 where id = old.conversation_id;
end;
