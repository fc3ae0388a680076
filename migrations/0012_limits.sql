-- Who asked when, as long as a limit counts it; and whose questions go before others of their server.
CREATE TABLE uses (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guild_id  bigint NOT NULL,
    person_id bigint NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('call', 'post')),
    at        timestamptz NOT NULL DEFAULT clock_timestamp()  -- later than any wait for a lock
);
-- The newest few of a person, and of a server, are read from the end of an index, however many there are.
CREATE INDEX uses_person ON uses (guild_id, person_id, kind, at);
CREATE INDEX uses_server ON uses (guild_id, at) WHERE kind = 'call';

-- The person's newest question that is in hand; by its end alone, so that no claim reads this index.
CREATE INDEX questions_open_people ON questions (guild_id, author_id, id) WHERE ended_at IS NULL;

-- Of who was never served before, served_at is -infinity.
ALTER TABLE person_turns ADD COLUMN is_first boolean NOT NULL DEFAULT false;
