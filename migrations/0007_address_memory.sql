-- What each sync learned of each address, so that the next one asks only for what changed and a stopped one goes on where it was.
ALTER TABLE sources
    DROP CONSTRAINT sources_kind_check,
    ADD CONSTRAINT sources_kind_check CHECK (kind IN ('folder', 'website', 'file')),
    ADD COLUMN include   text[] NOT NULL DEFAULT '{}',  -- globs; what they name is read though it would be left out
    ADD COLUMN exclude   text[] NOT NULL DEFAULT '{}',
    ADD COLUMN selector  text,                          -- CSS; where a page's text is
    ADD COLUMN max_pages integer CHECK (max_pages > 0),
    ADD COLUMN repeated  bytea[] NOT NULL DEFAULT '{}',  -- what stands on most pages and is no page's own; chunks lack it
    ADD COLUMN due_at    timestamptz;                   -- of the next scheduled sync; null: never synced

CREATE TABLE syncs (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id bigint NOT NULL REFERENCES sources ON DELETE CASCADE,
    is_full   boolean NOT NULL DEFAULT false,
    begun_at  timestamptz NOT NULL DEFAULT now(),
    ended_at  timestamptz,  -- null: under way, or stopped half way
    outcome   text CHECK (outcome IN ('done', 'partly', 'held', 'failed')),
    reason    text,
    added     integer NOT NULL DEFAULT 0,
    changed   integer NOT NULL DEFAULT 0,
    unchanged integer NOT NULL DEFAULT 0,
    deleted   integer NOT NULL DEFAULT 0,
    failed    integer NOT NULL DEFAULT 0,
    CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    CHECK (outcome NOT IN ('held', 'failed') OR reason IS NOT NULL)
);
CREATE INDEX syncs_source ON syncs (source_id, id);
CREATE UNIQUE INDEX syncs_open ON syncs (source_id) WHERE ended_at IS NULL;

-- Of a website an address as it is asked for, of a folder a file's path.
CREATE TABLE addresses (
    source_id     bigint NOT NULL REFERENCES sources ON DELETE CASCADE,
    address       text NOT NULL,
    page_url      text,      -- the page that came of it; null: none of its own, as a stub
    etag          text,
    last_modified text,
    body_hash     bytea,     -- of the body that was read; null: none was
    converter     integer NOT NULL DEFAULT 0,  -- the version that read it
    links         text NOT NULL DEFAULT '',    -- one on each line
    leads_to      text,      -- of a stub
    note          text,      -- why no page came of it, where that is worth a line
    sync_id       bigint,    -- the last sync that asked for it
    missed        integer NOT NULL DEFAULT 0,  -- syncs in a row that no longer found it
    failed_at     timestamptz,  -- since when it cannot be read
    failure       text,
    PRIMARY KEY (source_id, address),
    CHECK ((failed_at IS NULL) = (failure IS NULL))
);
CREATE INDEX addresses_page ON addresses (source_id, page_url);

ALTER TABLE pages
    ADD COLUMN chunker    integer NOT NULL DEFAULT 0,  -- the version that cut it
    ADD COLUMN edges      bytea[] NOT NULL DEFAULT '{}', -- of its first and last blocks, to find what is repeated
    ADD COLUMN indexed_title text,                     -- as the current index has it; null: as it is now
    ADD COLUMN removed_at timestamptz;                 -- not null: gone; kept until no index names its chunks
ALTER TABLE chunks ADD COLUMN tokens integer NOT NULL DEFAULT 0;  -- estimated from its length
