-- What members solved in a forum's threads is searched with the documentation, in that forum alone.

ALTER TABLE sources
    DROP CONSTRAINT sources_kind_check,
    ADD CONSTRAINT sources_kind_check CHECK (kind IN ('folder', 'website', 'file', 'solved')),
    -- Whose threads they are; no other forum searches them, as its readers may not see this one.
    ADD COLUMN forum_id bigint UNIQUE,
    ADD CONSTRAINT sources_forum_check CHECK ((kind = 'solved') = (forum_id IS NOT NULL)),
    ADD CONSTRAINT sources_solved_check CHECK (kind <> 'solved' OR guild_id IS NOT NULL);

CREATE TABLE solutions (
    thread_id   bigint PRIMARY KEY,
    guild_id    bigint NOT NULL,
    forum_id    bigint NOT NULL,
    source_id   bigint NOT NULL REFERENCES sources ON DELETE CASCADE,
    page_id     bigint UNIQUE REFERENCES pages ON DELETE CASCADE,  -- what is searched of it
    message_id  bigint NOT NULL,  -- which solved it
    asker_id    bigint NOT NULL,
    solver_id   bigint NOT NULL,
    title       text NOT NULL,
    question    text NOT NULL,
    solution    text NOT NULL,
    edited      text CHECK (edited <> ''),  -- what staff wrote in place of the solution
    state       text NOT NULL CHECK (state IN ('review', 'verified', 'removed')),
    reason      text,             -- why it was removed
    marked_by   bigint NOT NULL,
    verified_by bigint,           -- who marked it, or who let it pass the review
    is_reviewed boolean NOT NULL DEFAULT false,  -- staff let it pass, as it was then
    learned_at  timestamptz NOT NULL DEFAULT now(),
    revision    integer NOT NULL DEFAULT 1,  -- of the texts: staff decides on what it has read
    outbox_id   bigint REFERENCES outbox,    -- the message that shows it to staff
    shown       integer,                     -- the revision that stands there; null: nothing to decide
    is_lost     boolean NOT NULL DEFAULT false,  -- the channel in which it stands was deleted
    CHECK (shown IS NULL OR outbox_id IS NOT NULL),
    CHECK ((state = 'verified') = (page_id IS NOT NULL)),
    CHECK ((state = 'verified') = (verified_by IS NOT NULL)),
    CHECK ((state = 'removed') = (reason IS NOT NULL)),
    -- What is removed loses its text here too.
    CHECK (state <> 'removed' OR ((title, question, solution) = ('', '', '') AND edited IS NULL)),
    CHECK (state = 'removed' OR solution <> '')
);
CREATE INDEX solutions_forum ON solutions (forum_id, state);
CREATE INDEX solutions_review ON solutions (outbox_id) WHERE state = 'review';
CREATE INDEX solutions_asker ON solutions (guild_id, asker_id) WHERE state <> 'removed';
CREATE INDEX solutions_solver ON solutions (guild_id, solver_id) WHERE state <> 'removed';

-- What is to be forgotten of a page: its vectors, and the answers that would be given again.
CREATE INDEX embeddings_chunk ON embeddings (chunk_hash);
CREATE INDEX answers_cited ON answers USING gin (citations jsonb_path_ops) WHERE repeat_key IS NOT NULL;

-- The names of a forum's tags as Discord has them, by id, as people write names and threads bear ids; null: not seen yet.
ALTER TABLE forums ADD COLUMN tags jsonb;
