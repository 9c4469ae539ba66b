-- Up Migration

alter table public.feature_flags
  add column bucket_by      text  not null default 'targetingKey',
  -- Null: the key. Changed on purpose, it draws another population.
  add column salt           text,
  add column variants       jsonb not null default '[]',
  -- Which places each variant has: saved, so that new weights move as few users as possible.
  add column variant_ranges jsonb not null default '{}',
  add column requires       jsonb not null default '[]',

  add constraint feature_flags_bucket_by_form check (
    bucket_by ~ '^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*$' and char_length(bucket_by) <= 128
  ),
  add constraint feature_flags_salt_form check (salt ~ '^[a-z][a-z0-9_-]{0,63}$'),
  add constraint feature_flags_variants_array check (jsonb_typeof(variants) = 'array'),
  add constraint feature_flags_variant_ranges_object check (jsonb_typeof(variant_ranges) = 'object'),
  add constraint feature_flags_requires_array check (jsonb_typeof(requires) = 'array');

comment on column public.feature_flags.variant_ranges is 'By variant key its shares of 10,000 places, [[from, to), …], as last saved. What does not fit the weights is worked out anew at publishing.';

create table public.segments (
  id           uuid         constraint segments_id primary key default gen_random_uuid(),
  name         text         collate "C" not null,
  description  text         not null default '',
  ids          text[]       not null default '{}',
  -- Null: the ids alone.
  condition    jsonb,
  created_at   timestamptz  not null default now(),
  updated_at   timestamptz  not null default now(),

  constraint segments_name_unique unique (name),
  constraint segments_name_form check (name ~ '^[a-z][a-z0-9_-]{0,63}$'),
  constraint segments_description_length check (char_length(description) <= 1000),
  constraint segments_ids_form check (
    case
      when coalesce(array_ndims(ids), 1) <> 1 then false
      else cardinality(ids) <= 10000 and array_position(ids, null) is null
    end
  ),
  constraint segments_condition_object check (jsonb_typeof(condition) = 'object')
);

comment on table public.segments is 'Named groups of people that the rules of flags ask for. Any change, by whatever client, raises public.publication.revision at commit.';

-- Rules ask for a segment by its name: under another one it would be another group.
create function public.segments_before_update() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.name <> old.name then
    raise exception 'segment "%" cannot be renamed to "%"', old.name, new.name
      using errcode = 'check_violation', table = 'segments', constraint = 'segments_name_fixed',
            hint = 'Rules ask for it by its name. Create a new segment, and delete this one when no rule names it any more.';
  end if;
  if new.id <> old.id then
    raise exception 'the id of segment "%" cannot be changed', old.name
      using errcode = 'check_violation', table = 'segments', constraint = 'segments_id_fixed';
  end if;
  if new.created_at <> old.created_at then
    raise exception 'created_at of segment "%" cannot be changed', old.name
      using errcode = 'check_violation', table = 'segments', constraint = 'segments_created_at_fixed';
  end if;

  new.updated_at := old.updated_at;
  if new is distinct from old then
    new.updated_at := now();
  end if;
  return new;
end;
$$;

create trigger segments_before_update
  before update on public.segments
  for each row execute function public.segments_before_update();

-- One audit for both, in the order of changes.
alter table public.flag_audit
  add column entity       text not null default 'flag',
  add column segment_name text collate "C",
  drop constraint flag_audit_flag_named,
  add constraint flag_audit_entity_known check (entity in ('flag', 'segment')),
  add constraint flag_audit_flag_named check ((entity = 'flag' and action <> 'truncate') = (flag_key is not null)),
  add constraint flag_audit_segment_named check ((entity = 'segment' and action <> 'truncate') = (segment_name is not null));

create index flag_audit_by_segment on public.flag_audit (segment_name, id) where segment_name is not null;

comment on table public.flag_audit is 'One row per change of a flag or a segment, append-only. The actor is the setting sluice.actor, else sql:<session user>.';

-- As flag_truncations.
create table public.segment_truncations (
  id        bigint generated always as identity constraint segment_truncations_id primary key,
  segments  jsonb  not null
);

create function public.segments_before_truncate() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into public.segment_truncations (segments)
  select jsonb_agg(to_jsonb(s) order by s.name) from public.segments s
  having count(*) > 0;
  return null;
end;
$$;

create trigger segments_before_truncate
  before truncate on public.segments
  for each statement execute function public.segments_before_truncate();

create or replace function public.record_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  raised public.publication := public.raise_revision();
  who text := left(coalesce(nullif(current_setting('sluice.actor', true), ''), 'sql:' || session_user), 200);
  old_row jsonb;
  new_row jsonb;
  truncated_rows jsonb;
begin
  if tg_table_name in ('flag_truncations', 'segment_truncations') then
    if tg_table_name = 'flag_truncations' then
      delete from public.flag_truncations where id = new.id;
      truncated_rows := new.flags;
    else
      delete from public.segment_truncations where id = new.id;
      truncated_rows := new.segments;
    end if;
    insert into public.flag_audit (epoch, revision, actor, action, entity, before)
    values (raised.epoch, raised.revision, who, 'truncate', split_part(tg_table_name, '_', 1), truncated_rows);
    return null;
  end if;

  if tg_op <> 'INSERT' then
    old_row := to_jsonb(old);
  end if;
  if tg_op <> 'DELETE' then
    new_row := to_jsonb(new);
  end if;
  insert into public.flag_audit (epoch, revision, actor, action, entity, flag_key, segment_name, before, after)
  values (
    raised.epoch, raised.revision, who,
    case tg_op when 'INSERT' then 'create' when 'UPDATE' then 'update' else 'delete' end,
    case tg_table_name when 'segments' then 'segment' else 'flag' end,
    case when tg_table_name <> 'segments' then coalesce(new_row, old_row) ->> 'key' end,
    case when tg_table_name = 'segments' then coalesce(new_row, old_row) ->> 'name' end,
    old_row, new_row
  );
  return null;
end;
$$;

create constraint trigger segments_record_rows
  after insert or delete on public.segments
  deferrable initially deferred
  for each row execute function public.record_change();

create constraint trigger segments_record_updates
  after update on public.segments
  deferrable initially deferred
  for each row when (old.* is distinct from new.*) execute function public.record_change();

create constraint trigger segment_truncations_record
  after insert on public.segment_truncations
  deferrable initially deferred
  for each row execute function public.record_change();

alter table public.segments enable always trigger segments_before_truncate;
alter table public.segments enable always trigger segments_record_rows;
alter table public.segments enable always trigger segments_record_updates;
alter table public.segment_truncations enable always trigger segment_truncations_record;

revoke all on function public.segments_before_truncate() from public;
