-- Books, the answers of outside catalogues, the summaries, and who paid for which.

create table books (
    id          uuid primary key,
    source      text not null constraint books_source_known check (source in ('builtin', 'google_books')),
    source_id   text not null,
    title       text not null,
    authors     jsonb not null default '[]' constraint books_authors_list check (jsonb_typeof(authors) = 'array'),
    year        integer,
    categories  jsonb not null default '[]' constraint books_categories_list check (jsonb_typeof(categories) = 'array'),
    language    text,
    description text not null default '',
    cover_url   text,
    etag        text,
    fetched_at  timestamptz not null,
    -- jsonb arrays, because a generated column needs immutable functions and array_to_string is not one.
    search      tsvector not null generated always as (
        setweight(to_tsvector('english', title), 'A')
        || setweight(to_tsvector('english', authors), 'B')
        || setweight(to_tsvector('english', categories), 'C')
        || setweight(to_tsvector('english', description), 'D')
    ) stored,
    constraint books_source_id unique (source, source_id)
);

comment on column books.id is 'derived from source and source_id, so it is the same in every installation';
comment on column books.source_id is 'the slug of a built-in book, the volume id of Google Books';
comment on column books.fetched_at is 'when the source last confirmed the row; moved on a little when it failed to, so that it is not asked each time';

create index books_search on books using gin (search);
create index books_categories on books using gin (categories jsonb_path_ops);
create index books_title on books (title, id);
create index books_fetched on books (fetched_at) where source = 'google_books';

-- What Google Books answered to a query, page by page.
create table catalogue_queries (
    query      text not null,
    category   text not null,
    start      integer not null,
    size       integer not null,
    book_ids   uuid[],
    has_more   boolean not null,
    etag       text,
    fetched_at timestamptz not null,
    expires_at timestamptz not null,
    constraint catalogue_queries_pkey primary key (query, category, start, size)
);

comment on column catalogue_queries.book_ids is 'null: it was never answered, only failed';
comment on column catalogue_queries.expires_at is 'Google Books is not asked before then: the row answers alone; afterwards it answers while Google Books does not';

create index catalogue_queries_expiry on catalogue_queries (expires_at);
create index catalogue_queries_books on catalogue_queries using gin (book_ids);

create table summaries (
    book_id      uuid not null constraint summaries_pkey primary key constraint summaries_book references books (id),
    engine       text not null,
    model        text,
    content      jsonb not null,
    execution_id uuid not null,
    created_at   timestamptz not null
);

comment on column summaries.execution_id is 'the execution that made it; executions are deleted after a while';

-- Who asked for a summary and what became of the unit of quota they paid.
create table summary_requests (
    user_id      uuid not null constraint summary_requests_user references users (id),
    book_id      uuid not null constraint summary_requests_book references books (id),
    execution_id uuid,
    state        text not null constraint summary_requests_state check (state in ('waiting', 'done', 'refunded')),
    paid_at      timestamptz not null,
    settled_at   timestamptz,
    constraint summary_requests_pkey primary key (user_id, book_id),
    constraint summary_requests_waits_for_something check (state <> 'waiting' or execution_id is not null)
);

comment on column summary_requests.execution_id is 'what the reader waits or waited for; null when the summary was there already';
comment on column summary_requests.paid_at is 'names the quota period that the unit came from, and so where a refund goes';

create index summary_requests_waiting on summary_requests (book_id) where state = 'waiting';
create index summary_requests_execution on summary_requests (execution_id, user_id) where execution_id is not null;
