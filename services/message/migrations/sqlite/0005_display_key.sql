-- Display names folded like the keys of names: lower() knows the letters of ASCII only. Those from
-- before have none; their letters of ASCII are still found.

alter table users add column display_key text;
