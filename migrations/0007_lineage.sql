-- Up Migration

-- The history of this database: one row for each version that it had, with a random id. Equal numbers do not prove
-- equal histories: a restored backup and a promoted replica use the same numbers again, with other ids.
create table public.lineage (
  epoch     bigint       not null,
  revision  bigint       not null,
  id        uuid         not null default gen_random_uuid(),
  at        timestamptz  not null default clock_timestamp(),

  constraint lineage_version primary key (epoch, revision)
);

comment on table public.lineage is 'One row per version, written by a trigger on publication. The head in Redis names the id. Publishers prune old rows.';

-- SECURITY DEFINER: the publisher's role may raise a version, but may not write its history.
create function public.publication_records_lineage() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into public.lineage as l (epoch, revision) values (new.epoch, new.revision)
  -- Somebody switched the triggers off and set publication back. The second version with these numbers is another one.
  on conflict on constraint lineage_version do update set id = excluded.id, at = excluded.at;
  return null;
end;
$$;

create trigger publication_records_lineage
  after update on public.publication
  for each row when ((new.epoch, new.revision) > (old.epoch, old.revision))
  execute function public.publication_records_lineage();
alter table public.publication enable always trigger publication_records_lineage;

insert into public.lineage (epoch, revision) select epoch, revision from public.publication;

-- Keeps the newest 10,000 rows and the row of the version in Redis. SECURITY DEFINER: so the publisher needs no right to
-- delete rows.
create function public.prune_lineage(redis_epoch bigint, redis_revision bigint) returns void
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from public.lineage
   where (epoch, revision) < (
           select epoch, revision from public.lineage order by epoch desc, revision desc offset 9999 limit 1
         )
     and (epoch, revision) is distinct from (redis_epoch, redis_revision);
$$;

-- Publishing needs both, and neither is a secret or does harm: roles of existing installations need no new right.
grant select on public.lineage to public;
grant execute on function public.prune_lineage(bigint, bigint) to public;
revoke all on function public.publication_records_lineage() from public;
