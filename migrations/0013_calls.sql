-- Calls by /chat and /private: Discord takes the reply to one for a quarter of an hour, by a token that is erased when it is of no more use.

-- What a call asks; a post and a mention have their messages.
ALTER TABLE questions ADD COLUMN body text NOT NULL DEFAULT '';
ALTER TABLE questions ADD CONSTRAINT questions_body_check CHECK (interaction_id IS NOT NULL OR body = '');
ALTER TABLE questions ADD CONSTRAINT questions_called_check
    CHECK ((origin IN ('chat', 'private')) = (interaction_id IS NOT NULL));

CREATE TABLE interactions (
    id         bigint PRIMARY KEY,
    guild_id   bigint NOT NULL,
    channel_id bigint NOT NULL,
    forum_id   bigint NOT NULL,  -- of a thread the channel that it is in, else the channel itself
    person_id  bigint NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('chat', 'private')),
    token      text,             -- null: erased
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    note       text,             -- shown until its answer comes
    parts      jsonb CHECK (jsonb_typeof(parts) = 'array' AND jsonb_array_length(parts) > 0),  -- null: nothing to say yet
    parts_sent integer NOT NULL DEFAULT 0,
    due_at     timestamptz,      -- when somebody is to look at it; null: not before its answer is there
    attempt    integer NOT NULL DEFAULT 0,
    epoch      bigint,
    claimed_by smallint,         -- which of that epoch's repliers; null: nobody
    ended_at   timestamptz,
    CHECK (parts_sent BETWEEN 0 AND coalesce(jsonb_array_length(parts), 0)),
    CHECK (ended_at IS NULL OR (token IS NULL AND due_at IS NULL AND claimed_by IS NULL)),
    CHECK (ended_at IS NOT NULL OR due_at IS NOT NULL OR (token IS NULL AND parts IS NULL))
);
CREATE INDEX interactions_due ON interactions (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX interactions_saying ON interactions (channel_id, person_id, id)
    WHERE parts IS NOT NULL AND ended_at IS NULL;

ALTER TABLE questions
    ADD CONSTRAINT questions_interaction_fkey FOREIGN KEY (interaction_id) REFERENCES interactions ON DELETE CASCADE;

ALTER TABLE conversations
    ADD CONSTRAINT conversations_person_check CHECK (kind = 'post' OR person_id IS NOT NULL),
    -- Of a text channel all that is said to docbot is kept as of one thread.
    ADD CONSTRAINT conversations_channel_check CHECK (kind <> 'channel' OR thread_id = channel_id);
CREATE UNIQUE INDEX conversations_own ON conversations (kind, channel_id, person_id)
    WHERE kind <> 'post' AND closed_at IS NULL;
