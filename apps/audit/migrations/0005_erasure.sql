-- Persons whose personal data the log has forgotten.

create table person_erasures (
  tenant_id uuid not null,
  erasure_id uuid not null,
  actor text collate "C" not null,
  until timestamptz(3) not null,
  key_ids uuid[] not null default '{}',
  erased_at timestamptz(3) not null default now(),
  primary key (tenant_id, erasure_id)
);
comment on table person_erasures is 'Erasures of persons that memory asked for; the keys of the actor were destroyed in the transaction of the row';
comment on column person_erasures.until is 'Personal data of events up to here is not taken in any more, however late they come';
create index person_erasures_actor on person_erasures (tenant_id, actor, until);
create trigger person_erasures_stay before delete or truncate on person_erasures
  for each statement execute function refuse_change();
alter table person_erasures enable row level security;
alter table person_erasures force row level security;
create policy person_erasures_read on person_erasures for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy person_erasures_make on person_erasures for insert to :app_role
  with check (tenant_id = (select memoric.tenant_id()));
create policy person_erasures_note on person_erasures for update to :app_role
  using (tenant_id = (select memoric.tenant_id())) with check (tenant_id = (select memoric.tenant_id()));
grant select, insert on person_erasures to :app_role;
grant update (key_ids) on person_erasures to :app_role;
