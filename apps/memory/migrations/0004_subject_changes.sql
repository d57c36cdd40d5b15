-- Searches of many subjects look at those that changed last.

alter table subjects add column changed_at timestamptz not null default now();
comment on column subjects.changed_at is 'When last_change was counted up last';

-- Not indexed: an index would have every write of a memory write one more row of it.
create function note_subject_change() returns trigger language plpgsql as $$
begin
  new.changed_at = now();
  return new;
end
$$;

create trigger note_change before update of last_change on subjects
for each row execute function note_subject_change();
