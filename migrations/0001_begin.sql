-- The path of a question, from a forum post to a message on Discord, and the documentation it is answered from.

-- Which process acts. A process that takes over raises the epoch; writes of an older epoch touch no row.
CREATE TABLE activity (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch      bigint NOT NULL DEFAULT 0,
    holder     text NOT NULL DEFAULT '',
    taken_at   timestamptz
);
INSERT INTO activity DEFAULT VALUES;

CREATE TABLE guilds (
    id         bigint PRIMARY KEY,
    name       text NOT NULL,
    joined_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sources (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guild_id   bigint REFERENCES guilds ON DELETE CASCADE,  -- null: the operator's, readable by every guild
    name       text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
    kind       text NOT NULL CHECK (kind IN ('folder', 'website')),
    location   text NOT NULL,
    base_url   text,
    created_at timestamptz NOT NULL DEFAULT now(),
    synced_at  timestamptz
);
CREATE UNIQUE INDEX sources_operator_name ON sources (name) WHERE guild_id IS NULL;
CREATE UNIQUE INDEX sources_guild_name ON sources (guild_id, name) WHERE guild_id IS NOT NULL;

CREATE TABLE pages (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id     bigint NOT NULL REFERENCES sources ON DELETE CASCADE,
    url           text NOT NULL,
    title         text NOT NULL,
    markdown      text NOT NULL,
    content_hash  bytea NOT NULL,
    etag          text,
    last_modified text,
    fetched_at    timestamptz NOT NULL DEFAULT now(),
    changed_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (source_id, url)
);

CREATE TABLE chunks (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id    bigint NOT NULL REFERENCES sources ON DELETE CASCADE,
    page_id      bigint NOT NULL REFERENCES pages ON DELETE CASCADE,
    position     integer CHECK (position >= 0),  -- null: no longer in the page; kept until no index names it
    hash         bytea NOT NULL,  -- over title, heading path and text: what was embedded once is never embedded again
    heading_path text[] NOT NULL,
    url          text NOT NULL,
    text         text NOT NULL,
    UNIQUE (page_id, position)
);
CREATE INDEX chunks_source ON chunks (source_id);
CREATE INDEX chunks_hash ON chunks (hash);

CREATE TABLE embeddings (
    model      text NOT NULL,
    chunk_hash bytea NOT NULL,
    vector     bytea NOT NULL,  -- little-endian float32
    PRIMARY KEY (model, chunk_hash)
);

CREATE TABLE index_generations (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL UNIQUE,
    state           text NOT NULL DEFAULT 'building' CHECK (state IN ('building', 'current', 'retired')),
    lexical_version integer NOT NULL,
    embedding_model text,
    dimensions      integer NOT NULL DEFAULT 0 CHECK (dimensions >= 0),
    points          integer CHECK (points >= 0),
    last_chunk      bigint,  -- with the number of points it tells whether chunks changed since
    created_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (state = 'building' OR points IS NOT NULL),
    CHECK ((embedding_model IS NULL) = (dimensions = 0))
);
CREATE UNIQUE INDEX index_generations_current ON index_generations (state) WHERE state = 'current';

CREATE TABLE forums (
    channel_id bigint PRIMARY KEY,
    guild_id   bigint NOT NULL,
    mode       text NOT NULL DEFAULT 'auto' CHECK (mode IN ('auto', 'draft', 'mention', 'off')),
    bound_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE forum_sources (
    channel_id bigint NOT NULL REFERENCES forums ON DELETE CASCADE,
    source_id  bigint NOT NULL REFERENCES sources ON DELETE CASCADE,
    PRIMARY KEY (channel_id, source_id)
);

CREATE TABLE threads (
    id         bigint PRIMARY KEY,
    guild_id   bigint NOT NULL,
    forum_id   bigint NOT NULL,
    author_id  bigint NOT NULL,
    title      text NOT NULL,
    tags       bigint[] NOT NULL DEFAULT '{}',
    archived   boolean NOT NULL DEFAULT false,
    locked     boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    seen_id    bigint NOT NULL DEFAULT 0,  -- every message up to this one was told to docbot
    deleted_at timestamptz
);
CREATE INDEX threads_forum ON threads (forum_id);

CREATE TABLE messages (
    id         bigint PRIMARY KEY,
    guild_id   bigint NOT NULL,
    thread_id  bigint NOT NULL REFERENCES threads ON DELETE CASCADE,
    author_id  bigint NOT NULL,
    is_bot     boolean NOT NULL DEFAULT false,
    content    text NOT NULL,
    reply_to   bigint,
    created_at timestamptz NOT NULL,
    edited_at  timestamptz,
    deleted_at timestamptz,
    CHECK (deleted_at IS NULL OR content = '')  -- what is deleted on Discord loses its text here too
);
CREATE INDEX messages_thread ON messages (thread_id, id);

CREATE TABLE conversations (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('post', 'channel', 'chat', 'private')),
    guild_id   bigint NOT NULL,
    channel_id bigint NOT NULL,
    thread_id  bigint REFERENCES threads ON DELETE CASCADE,
    person_id  bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    closed_at  timestamptz,
    CHECK (kind <> 'post' OR thread_id IS NOT NULL)
);
CREATE UNIQUE INDEX conversations_post ON conversations (thread_id) WHERE kind = 'post' AND closed_at IS NULL;

CREATE TABLE questions (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    conversation_id bigint NOT NULL REFERENCES conversations ON DELETE CASCADE,
    guild_id        bigint NOT NULL,
    author_id       bigint NOT NULL,
    origin          text NOT NULL CHECK (origin IN ('post', 'mention', 'chat', 'private')),
    message_id      bigint UNIQUE,      -- its first message
    interaction_id  bigint UNIQUE,
    title           text NOT NULL DEFAULT '',
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN (
        'collecting', 'waiting', 'answering', 'review', 'posting',
        'answered', 'abstained', 'yielded', 'cancelled', 'failed')),
    reason          text,
    asked_at        timestamptz NOT NULL,
    ready_at        timestamptz NOT NULL,
    attempt         integer NOT NULL DEFAULT 0,
    refusals        integer NOT NULL DEFAULT 0,  -- tries that failed by this input alone
    epoch           bigint,
    claimed_by      smallint,           -- which worker of that epoch's process
    ended_at        timestamptz,
    CHECK ((message_id IS NULL) <> (interaction_id IS NULL)),
    CHECK ((state IN ('answered', 'abstained', 'yielded', 'cancelled', 'failed')) = (ended_at IS NOT NULL)),
    CHECK (state NOT IN ('yielded', 'cancelled', 'failed') OR reason IS NOT NULL)
);
CREATE INDEX questions_open ON questions (conversation_id, id) WHERE ended_at IS NULL;
CREATE INDEX questions_waiting ON questions (ready_at, id) WHERE state = 'waiting';

CREATE TABLE question_messages (
    question_id bigint NOT NULL REFERENCES questions ON DELETE CASCADE,
    message_id  bigint NOT NULL REFERENCES messages ON DELETE CASCADE,
    PRIMARY KEY (question_id, message_id)
);
CREATE INDEX question_messages_message ON question_messages (message_id);

CREATE TABLE answers (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    question_id    bigint NOT NULL UNIQUE REFERENCES questions ON DELETE CASCADE,
    guild_id       bigint NOT NULL,
    lane           text NOT NULL CHECK (lane IN ('answer', 'suggest', 'abstain')),
    text           text NOT NULL,
    citations      jsonb NOT NULL,
    evidence       jsonb NOT NULL,  -- each passage given: chunk, address, scores, cited or not
    model          text,
    prompt_version text,
    tokens_in      integer,
    tokens_out     integer,
    timings_ms     jsonb NOT NULL,
    cut            jsonb NOT NULL DEFAULT '[]',
    created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE outbox (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind           text NOT NULL CHECK (kind IN ('send')),
    guild_id       bigint NOT NULL,
    channel_id     bigint NOT NULL,
    order_key      text NOT NULL,
    payload        jsonb NOT NULL,
    nonce          text NOT NULL UNIQUE CHECK (length(nonce) BETWEEN 1 AND 25),
    answer_id      bigint REFERENCES answers ON DELETE CASCADE,
    part           integer NOT NULL DEFAULT 1 CHECK (part >= 1),
    state          text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sending', 'sent', 'dropped', 'dead')),
    reason         text,
    attempt        integer NOT NULL DEFAULT 0,
    refusals       integer NOT NULL DEFAULT 0,  -- tries that failed by this row alone
    epoch          bigint,
    claimed_by     smallint,  -- which drain of that epoch's process
    created_at     timestamptz NOT NULL DEFAULT now(),
    due_at         timestamptz NOT NULL DEFAULT now(),
    first_tried_at timestamptz,
    ended_at       timestamptz,
    message_id     bigint UNIQUE,
    UNIQUE (answer_id, part),
    CHECK ((state = 'sent') = (message_id IS NOT NULL)),
    CHECK ((state IN ('sent', 'dropped', 'dead')) = (ended_at IS NOT NULL)),
    CHECK (state NOT IN ('dropped', 'dead') OR reason IS NOT NULL)
);
-- The claim stays at half a millisecond however many rows are finished.
CREATE INDEX outbox_order ON outbox (order_key, id) WHERE state IN ('pending', 'sending');
CREATE INDEX outbox_due ON outbox (id) WHERE state = 'pending';
CREATE INDEX outbox_channel ON outbox (channel_id, message_id);
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);

CREATE TABLE feedback (
    answer_id  bigint NOT NULL REFERENCES answers ON DELETE CASCADE,
    person_id  bigint NOT NULL,
    guild_id   bigint NOT NULL,
    vote       text NOT NULL CHECK (vote IN ('helpful', 'not_right')),
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (answer_id, person_id)
);
