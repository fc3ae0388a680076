-- Who was served when, so that one server or person who asks much does not keep the others waiting.

CREATE TABLE server_turns (
    guild_id  bigint PRIMARY KEY,
    served_at timestamptz NOT NULL
) WITH (fillfactor = 50);  -- updated with each claim, always in place

CREATE TABLE person_turns (
    guild_id  bigint NOT NULL,
    person_id bigint NOT NULL,
    served_at timestamptz NOT NULL,
    PRIMARY KEY (guild_id, person_id)
) WITH (fillfactor = 50);

-- The claim steps from server to server, person to person and conversation to conversation, so it
-- takes no longer however many questions each of them has waiting.
CREATE INDEX questions_waiting_servers ON questions (guild_id, ready_at) WHERE state = 'waiting';
CREATE INDEX questions_waiting_people ON questions (guild_id, author_id, ready_at) WHERE state = 'waiting';
CREATE INDEX questions_waiting_conversations ON questions (guild_id, author_id, conversation_id, id, ready_at)
    WHERE state = 'waiting';
