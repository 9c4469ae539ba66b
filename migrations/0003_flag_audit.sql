-- Up Migration

create table public.flag_audit (
  id        bigint      generated always as identity constraint flag_audit_id primary key,
  epoch     bigint      not null,
  revision  bigint      not null,
  at        timestamptz not null default clock_timestamp(),
  actor     text        not null,
  action    text        not null,
  flag_key  text        collate "C",
  before    jsonb,
  after     jsonb,

  constraint flag_audit_action_known check (action in ('create', 'update', 'delete', 'truncate')),
  constraint flag_audit_flag_named check ((action = 'truncate') = (flag_key is null))
);

create index flag_audit_by_flag on public.flag_audit (flag_key, id);

comment on table public.flag_audit is 'One row per change of a flag, append-only. The actor is the setting sluice.actor, else sql:<session user>.';
comment on column public.flag_audit.before is 'The row before the change; for a TRUNCATE, an array of all rows.';

create function public.flag_audit_append_only() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'flag_audit is append-only: % refused', tg_op
    using errcode = 'restrict_violation', table = 'flag_audit', constraint = 'flag_audit_append_only';
end;
$$;

create trigger flag_audit_append_only
  before update or delete or truncate on public.flag_audit
  for each statement execute function public.flag_audit_append_only();
alter table public.flag_audit enable always trigger flag_audit_append_only;

-- An open TRUNCATE must not hold the counter either, and only rows can have deferred triggers: so it leaves a
-- row here, whose trigger turns it into an audit row at commit.
create table public.flag_truncations (
  id     bigint generated always as identity constraint flag_truncations_id primary key,
  flags  jsonb  not null
);

create function public.feature_flags_before_truncate() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into public.flag_truncations (flags)
  select jsonb_agg(to_jsonb(f) order by f.key) from public.feature_flags f
  -- Nothing there, nothing changed.
  having count(*) > 0;
  return null;
end;
$$;

create trigger feature_flags_before_truncate
  before truncate on public.feature_flags
  for each statement execute function public.feature_flags_before_truncate();

-- At commit (or at SET CONSTRAINTS ALL IMMEDIATE) every changed row gets its audit row with the revision that
-- its transaction raises. SECURITY DEFINER: the application's role needs no right on the audit.
create function public.record_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  raised public.publication := public.raise_revision();
  who text := left(coalesce(nullif(current_setting('sluice.actor', true), ''), 'sql:' || session_user), 200);
begin
  if tg_table_name = 'flag_truncations' then
    delete from public.flag_truncations where id = new.id;
    insert into public.flag_audit (epoch, revision, actor, action, before)
    values (raised.epoch, raised.revision, who, 'truncate', new.flags);
  elsif tg_op = 'INSERT' then
    insert into public.flag_audit (epoch, revision, actor, action, flag_key, after)
    values (raised.epoch, raised.revision, who, 'create', new.key, to_jsonb(new));
  elsif tg_op = 'UPDATE' then
    insert into public.flag_audit (epoch, revision, actor, action, flag_key, before, after)
    values (raised.epoch, raised.revision, who, 'update', new.key, to_jsonb(old), to_jsonb(new));
  else
    insert into public.flag_audit (epoch, revision, actor, action, flag_key, before)
    values (raised.epoch, raised.revision, who, 'delete', old.key, to_jsonb(old));
  end if;
  return null;
end;
$$;

create constraint trigger feature_flags_record_rows
  after insert or delete on public.feature_flags
  deferrable initially deferred
  for each row execute function public.record_change();

create constraint trigger feature_flags_record_updates
  after update on public.feature_flags
  deferrable initially deferred
  for each row when (old.* is distinct from new.*) execute function public.record_change();

create constraint trigger flag_truncations_record
  after insert on public.flag_truncations
  deferrable initially deferred
  for each row execute function public.record_change();

-- Also where a loading tool switches triggers off with session_replication_role: its changes count too.
alter table public.feature_flags enable always trigger feature_flags_before_truncate;
alter table public.feature_flags enable always trigger feature_flags_record_rows;
alter table public.feature_flags enable always trigger feature_flags_record_updates;
alter table public.flag_truncations enable always trigger flag_truncations_record;

-- Who may use these as triggers on a table of their own could write any audit row.
revoke all on function public.feature_flags_before_truncate(), public.record_change() from public;
