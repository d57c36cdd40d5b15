-- Erasures whose keys in the log wait for the end of a legal hold; whom a kept request was about.

alter table erasures add column log_held boolean not null default false;
comment on column erasures.log_held is 'The receipt was signed while a legal hold kept the keys of the person in the log; another is when it ends';
create index erasures_held on erasures (requested_at) where log_held;

alter table idempotency_keys add column subject_ids text[];
comment on column idempotency_keys.subject_ids is 'The subjects that the request was about, where it was about several';
create index idempotency_keys_subjects on idempotency_keys using gin (subject_ids) where subject_ids is not null;

-- Of requests from before, their memories say whom they were about. Where one of these is gone nobody knows, and an erasure could not
-- find the request.
do $$
declare
  tenant uuid;
begin
  perform set_config('memoric.system', 'on', true), set_config('memoric.subjects', '*', true),
    set_config('memoric.namespaces', '*', true);
  for tenant in select distinct tenant_id from idempotency_keys where subject_id is null loop
    perform set_config('memoric.tenant_id', tenant::text, true);
    update idempotency_keys k set subject_ids = (
      select array_agg(distinct m.subject_id) from memories m where m.tenant_id = tenant and m.id = any (k.resource_ids)
    )
    where k.tenant_id = tenant and k.subject_id is null and not exists (
      select from unnest(k.resource_ids) as made (id)
      where not exists (select from memories m where m.tenant_id = tenant and m.id = made.id)
    );
  end loop;
  delete from idempotency_keys where subject_id is null and subject_ids is null;
end $$;
