-- Up Migration

create table public.override_audit (
  id       text         constraint override_audit_id primary key,
  at       timestamptz  not null default clock_timestamp(),
  actor    text         not null,
  flags    jsonb        not null,
  ends_at  timestamptz  not null
);

comment on table public.override_audit is 'One row per test override that was signed, append-only. The token is not in it: whoever has a token has what it names.';
comment on column public.override_audit.id is 'The token''s jti.';

create function public.override_audit_append_only() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'override_audit is append-only: % refused', tg_op
    using errcode = 'restrict_violation', table = 'override_audit', constraint = 'override_audit_append_only';
end;
$$;

create trigger override_audit_append_only
  before update or delete or truncate on public.override_audit
  for each statement execute function public.override_audit_append_only();
alter table public.override_audit enable always trigger override_audit_append_only;
