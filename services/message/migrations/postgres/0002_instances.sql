-- What several services on one database have to know of each other. Nothing here is missed after a crash of
-- the server: clients ask for new tickets, and guessing begins anew. So none of it is in the write-ahead log.

-- Tickets that are out, by the hash of the ticket.
create unlogged table tickets (
    hash text collate "C" primary key,
    says text not null,
    ends_at timestamptz not null
);
create index ticket_end_key on tickets (ends_at);

-- Wrong passwords: until when a bucket of tries is not full.
create unlogged table guesses (
    bucket text collate "C" primary key,
    full_at timestamptz not null
);
create index guess_end_key on guesses (full_at);

-- From where somebody has signed in, by a mark of their name and address that takes the secret of the services.
create table sign_ins (
    pair text collate "C" primary key,
    at timestamptz not null
);
create index sign_in_time_key on sign_ins (at);

-- Who does what only one of the services is to do, and until when nobody else may.
create unlogged table leases (
    work text collate "C" primary key,
    holder text not null,
    ends_at timestamptz not null
);
