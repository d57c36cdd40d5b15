-- Erasures whose keys in the log wait for the end of a legal hold; whom a kept request was about.

alter table erasures add column log_held boolean not null default false;
comment on column erasures.log_held is 'The receipt was signed while a legal hold kept the keys of the person in the log; another is when it ends';
create index erasures_held on erasures (requested_at) where log_held;

alter table idempotency_keys add column subject_ids text[];
comment on column idempotency_keys.subject_ids is 'The subjects that the request was about, where it was about several';
create index idempotency_keys_subjects on idempotency_keys using gin (subject_ids) where subject_ids is not null;

-- Requests about several subjects of which nobody knows which: an erasure could not find them.
create policy once on idempotency_keys for delete to current_user using (true);
create policy once_seen on idempotency_keys for select to current_user using (true);
delete from idempotency_keys where subject_id is null;
drop policy once on idempotency_keys;
drop policy once_seen on idempotency_keys;
