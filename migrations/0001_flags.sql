-- Up Migration

create table public.feature_flags (
  id             uuid          constraint feature_flags_id primary key default gen_random_uuid(),
  -- "C": sorted by bytes, as x-flags and the snapshot are, whatever the database's own language.
  key            text          collate "C" not null,
  description    text          not null default '',
  enabled        boolean       not null default false,
  rollout_pct    numeric(5, 2) not null default 0,
  targeting      jsonb         not null default '{}',
  gates          jsonb         not null default '[]',
  fail_mode      text          not null default 'off',
  in_header      boolean       not null default true,
  client_visible boolean       not null default false,
  owner          text          not null default '',
  tags           text[]        not null default '{}',
  archived_at    timestamptz,
  created_at     timestamptz   not null default now(),
  updated_at     timestamptz   not null default now(),

  constraint feature_flags_key_unique unique (key),
  constraint feature_flags_key_form check (key ~ '^[a-z][a-z0-9_-]{0,63}$'),
  constraint feature_flags_description_length check (char_length(description) <= 1000),
  -- NaN sorts above every number, so the upper bound refuses it too.
  constraint feature_flags_rollout_pct_range check (rollout_pct >= 0 and rollout_pct <= 100),
  constraint feature_flags_targeting_object check (jsonb_typeof(targeting) = 'object'),
  constraint feature_flags_gates_array check (jsonb_typeof(gates) = 'array'),
  constraint feature_flags_fail_mode_known check (fail_mode in ('off', 'last-known')),
  constraint feature_flags_owner_length check (char_length(owner) <= 200),
  -- One constraint, because array_position() raises its own error on more than one dimension.
  constraint feature_flags_tags_form check (
    case
      when coalesce(array_ndims(tags), 1) <> 1 then false
      else cardinality(tags) <= 20 and array_position(tags, null) is null
    end
  ),
  constraint feature_flags_archived_is_off check (archived_at is null or not enabled)
);

comment on table public.feature_flags is 'The truth about every flag. Any change, by whatever client, raises public.publication.revision at commit.';
comment on column public.feature_flags.rollout_pct is 'Percent, 0.00 to 100.00.';

-- A key is hashed into every bucket: changed, it would deal all users anew.
create function public.feature_flags_before_update() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.key <> old.key then
    raise exception 'flag "%" cannot be renamed to "%"', old.key, new.key
      using errcode = 'check_violation', table = 'feature_flags', constraint = 'feature_flags_key_fixed',
            hint = 'The key decides who is in the rollout. Create a new flag and archive this one.';
  end if;
  if new.id <> old.id then
    raise exception 'the id of flag "%" cannot be changed', old.key
      using errcode = 'check_violation', table = 'feature_flags', constraint = 'feature_flags_id_fixed';
  end if;
  if new.created_at <> old.created_at then
    raise exception 'created_at of flag "%" cannot be changed', old.key
      using errcode = 'check_violation', table = 'feature_flags', constraint = 'feature_flags_created_at_fixed';
  end if;

  -- Moves exactly when something else did: an update that changes nothing is no change.
  new.updated_at := old.updated_at;
  if new is distinct from old then
    new.updated_at := now();
  end if;
  return new;
end;
$$;

create trigger feature_flags_before_update
  before update on public.feature_flags
  for each row execute function public.feature_flags_before_update();

-- Without its flag a gate would open.
create function public.feature_flags_before_delete() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if old.gates <> '[]'::jsonb then
    raise exception 'flag "%" has gates and cannot be deleted: its gates would open', old.key
      using errcode = 'restrict_violation', table = 'feature_flags', constraint = 'feature_flags_gated_stays',
            hint = 'Archive it (enabled = false, archived_at = now()): archived means off, and the gates stay closed. '
                   'To delete it all the same, set its gates to [] first.';
  end if;
  return old;
end;
$$;

create trigger feature_flags_before_delete
  before delete on public.feature_flags
  for each row execute function public.feature_flags_before_delete();
