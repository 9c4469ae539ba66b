-- Up Migration

-- The one row that counts changes. (epoch, revision) is the order of everything that is published.
create table public.publication (
  only_row         boolean     not null default true constraint publication_id primary key,
  database_id      uuid        not null default gen_random_uuid(),
  epoch            bigint      not null default 1,
  revision         bigint      not null default 0,
  -- The transaction that raised it last. The number alone would not do: in a restored backup it may name a
  -- transaction of another server, which would then be taken for one of ours; hence its beginning, too.
  raised_by        xid8,
  raised_by_start  timestamptz,
  changed_at       timestamptz not null default now(),

  constraint publication_one_row check (only_row),
  -- The bounds are those of an integer in JavaScript.
  constraint publication_epoch_range check (epoch between 1 and 9007199254740991),
  constraint publication_revision_range check (revision between 0 and 9007199254740991)
);

insert into public.publication default values;

create function public.publication_stays() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'the row of table publication cannot be removed: it counts the revisions'
    using errcode = 'restrict_violation', table = 'publication', constraint = 'publication_stays';
end;
$$;

create trigger publication_stays
  before delete or truncate on public.publication
  for each statement execute function public.publication_stays();
alter table public.publication enable always trigger publication_stays;

-- Whoever moves the pair, the listeners hear of it when the transaction commits; nobody moves it back.
create function public.publication_moves() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if (new.epoch, new.revision) < (old.epoch, old.revision) then
    raise exception 'publication cannot go back from epoch %, revision % to epoch %, revision %',
        old.epoch, old.revision, new.epoch, new.revision
      using errcode = 'check_violation', table = 'publication', constraint = 'publication_forward_only',
            hint = 'Workers refuse what is older than what they hold. Raise the epoch instead: sluice publish --force.';
  end if;
  if (new.epoch, new.revision) > (old.epoch, old.revision) then
    new.changed_at := clock_timestamp();
    perform pg_notify('sluice_revision', jsonb_build_object('epoch', new.epoch, 'revision', new.revision)::text);
  end if;
  return new;
end;
$$;

create trigger publication_moves
  before update on public.publication
  for each row execute function public.publication_moves();
alter table public.publication enable always trigger publication_moves;

-- Raises the revision, once per transaction however often it is called, and returns the row. Meant for
-- deferred triggers alone: the row lock that the first call takes lasts until the commit, puts revisions in
-- the order of commits, and must therefore be the last thing that a transaction waits for. A raise in a
-- savepoint that is rolled back is rolled back with it, and the next call raises again.
create function public.raise_revision() returns public.publication
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  current_row public.publication;
begin
  select p.* into current_row
    from public.publication p
   where p.raised_by = pg_current_xact_id() and p.raised_by_start = transaction_timestamp();
  if found then
    return current_row;
  end if;

  update public.publication
     set revision = revision + 1,
         raised_by = pg_current_xact_id(),
         raised_by_start = transaction_timestamp()
   returning * into current_row;
  if not found then
    raise exception 'table publication has lost its row; restore it from a backup'
      using errcode = 'data_corrupted';
  end if;
  return current_row;
end;
$$;

-- It would let anybody move the revision, and lend its owner's rights.
revoke all on function public.raise_revision() from public;
