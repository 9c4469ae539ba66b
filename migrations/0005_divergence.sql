-- Up Migration

-- While one of these is open, nothing is published: Redis and this database contradict each other, and only people
-- can say which is right. Closed ones stay, as history.
create table public.divergences (
  id                 bigint      generated always as identity constraint divergences_id primary key,
  since              timestamptz not null default clock_timestamp(),
  why                text        not null,
  -- Where this database stood when it was noticed, and what Redis held.
  epoch              bigint      not null,
  revision           bigint      not null,
  redis_epoch        bigint      not null,
  redis_revision     bigint      not null,
  redis_database_id  text        not null,
  ended_at           timestamptz
);

-- However many publishers notice it at once.
create unique index divergences_one_open on public.divergences ((true)) where ended_at is null;

comment on table public.divergences is 'Open (ended_at is null): nothing is published. Only a new epoch ends it: sluice publish --force.';

-- All publishers hear of it at once, as they hear of a revision.
create function public.divergences_announce() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_notify('sluice_revision', jsonb_build_object('epoch', new.epoch, 'revision', new.revision)::text);
  return null;
end;
$$;

create trigger divergences_announce
  after insert on public.divergences
  for each row execute function public.divergences_announce();

-- A new epoch is somebody's word that this database is right, whoever began it.
create function public.publication_ends_divergence() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update public.divergences set ended_at = clock_timestamp() where ended_at is null;
  return null;
end;
$$;

create trigger publication_ends_divergence
  after update on public.publication
  for each row when (new.epoch > old.epoch) execute function public.publication_ends_divergence();
alter table public.publication enable always trigger publication_ends_divergence;

revoke all on function public.divergences_announce(), public.publication_ends_divergence() from public;
