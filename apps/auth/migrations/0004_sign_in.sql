-- A sign-in by password in two statements: one before the password is compared, one after.

create function memoric.attempt_lock(account bytea) returns bigint
language sql immutable strict parallel safe
return ('x' || encode(substr(account, 1, 8), 'hex'))::bit(64)::bigint;
comment on function memoric.attempt_lock is 'Of the advisory lock under which one transaction at a time changes the counters of an account';

create function memoric.count_attempt(
  account bytea, network bytea, free_failures integer, longest_block integer, forget_hours integer, known_days integer,
  tell_seconds integer
) returns table (
  blocked_seconds double precision, telling integer, counted_at timestamptz, account_until timestamptz,
  account_failed_at timestamptz, network_until timestamptz, network_failed_at timestamptz
)
language plpgsql as $$
#variable_conflict use_column
begin
  -- One transaction at a time changes the counters of an account.
  perform pg_advisory_xact_lock(memoric.attempt_lock(account));
  return query
  with verdict as materialized (
    select m.now, a.last_failed_at as account_failed_at, n.last_failed_at as network_failed_at,
      greatest(n.blocked_until,
        case when n.last_success_at > m.now - make_interval(days => known_days) then null else a.blocked_until end
      ) as blocked_until,
      1 + case when a.last_failed_at > m.now - make_interval(hours => forget_hours) then a.failures else 0 end
        as account_failures,
      1 + case when n.last_failed_at > m.now - make_interval(hours => forget_hours) then n.failures else 0 end
        as network_failures,
      1 + coalesce(a.refused, 0) as refused,
      case when a.refused_told_at > m.now - make_interval(secs => tell_seconds) then a.refused_told_at end as told_at
    from (select clock_timestamp()::timestamptz(3) as now) m
      left join sign_in_attempts a on a.key = account
      left join sign_in_attempts n on n.key = network
  ), admitted (key, failures, now) as (
    select account, account_failures, now from verdict where blocked_until is null or blocked_until <= now
    union all
    select network, network_failures, now from verdict where blocked_until is null or blocked_until <= now
  ), counted as (
    insert into sign_in_attempts (key, failures, last_failed_at, blocked_until)
    select key, failures, now, case when failures > free_failures then now
      + make_interval(secs => least(power(2, least(failures - free_failures, 30)), longest_block))
      end
    from admitted
    on conflict (key) do update set failures = excluded.failures, last_failed_at = excluded.last_failed_at,
      blocked_until = excluded.blocked_until
    returning key, blocked_until
  ), refused as (
    insert into sign_in_attempts (key, last_failed_at, refused, refused_told_at)
    select account, now, case when told_at is null then 0 else refused end, coalesce(told_at, now)
    from verdict where blocked_until > now
    on conflict (key) do update set refused = excluded.refused, refused_told_at = excluded.refused_told_at
  )
  select case when blocked_until > now then extract(epoch from blocked_until - now)::float8 end,
    case when blocked_until > now and told_at is null then refused end,
    now,
    (select c.blocked_until from counted c where c.key = account), account_failed_at,
    (select c.blocked_until from counted c where c.key = network), network_failed_at
  from verdict;
end $$;
comment on function memoric.count_attempt is
  'Counts an attempt to sign in as failed before it is looked at, unless it must wait';

create function memoric.forgive_network(
  account bytea, network bytea, free_failures integer, counted_at timestamptz, account_until timestamptz,
  account_failed_at timestamptz
) returns void
language plpgsql as $$
#variable_conflict use_variable
begin
  perform pg_advisory_xact_lock(memoric.attempt_lock(account));
  update sign_in_attempts s
  set failures = case when s.key = n.key then 0 else greatest(s.failures - n.failures, 0) end,
    blocked_until = case when s.key <> n.key and s.failures - n.failures > free_failures
      then nullif(s.blocked_until, account_until) end,
    last_failed_at = case when s.key <> n.key and s.last_failed_at = counted_at
      then coalesce(account_failed_at, s.last_failed_at) else s.last_failed_at end,
    last_success_at = case when s.key = n.key then clock_timestamp() else s.last_success_at end
  from (select key, failures from sign_in_attempts where key = network) n
  where s.key in (account, network);
end $$;
comment on function memoric.forgive_network is
  'Takes an attempt that succeeded back, forgives the failures from its network, and knows the network from now on';

create function memoric.begin_session(
  of_tenant uuid, who uuid, checked_hash text, next_hash text, most_sessions integer,
  session uuid, lifetime_days integer, idle_minutes integer, client bytea, token_hash bytea,
  account bytea, network bytea, free_failures integer, attempted_at timestamptz, account_until timestamptz,
  account_failed_at timestamptz, event uuid, event_subject text, event_payload text
) returns void
language plpgsql as $$
declare
  suspended boolean;
  live integer;
begin
  perform set_config('memoric.tenant_id', of_tenant::text, true);
  update users set last_sign_in_at = now(), password_hash = coalesce(next_hash, password_hash)
  where tenant_id = of_tenant and id = who and password_hash = checked_hash and deactivated_at is null
    and totp_confirmed_at is null;
  if not found then
    raise exception 'the account has changed' using errcode = 'MA001';
  end if;
  -- A statement after the lock: it sees what those did who held it before.
  select t.suspended_at is not null, (
    select count(*) from sessions s
    where s.tenant_id = of_tenant and s.user_id = who and s.revoked_at is null
      and least(s.expires_at, s.idle_expires_at) > now()
  ) into suspended, live from tenants t where t.id = of_tenant;
  if suspended is distinct from false then
    raise exception 'the tenant is suspended' using errcode = 'MA001';
  end if;
  if live >= most_sessions then
    raise exception 'the user has as many sessions as may be' using errcode = 'MA002';
  end if;
  with stored as (
    insert into sessions (tenant_id, id, user_id, expires_at, idle_expires_at, method, client_sealed)
    values (of_tenant, session, who, now() + make_interval(days => lifetime_days),
      now() + make_interval(mins => idle_minutes), 'password', client)
  ), first_token as (
    insert into refresh_tokens (tenant_id, hash, session_id) values (of_tenant, token_hash, session)
  )
  insert into outbox (event_id, tenant_id, subject, payload) values (event, of_tenant, event_subject, event_payload);
  -- Whoever locks the user as well locks the user first.
  perform memoric.forgive_network(account, network, free_failures, attempted_at, account_until, account_failed_at);
end $$;
comment on function memoric.begin_session is
  'All that a sign-in by password alone does when the password is right, in the scope of its tenant';
