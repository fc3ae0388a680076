-- What is erased when it is deleted on Discord, past its time, or its author asks for it; and how it is found without reading all there is.

-- What was erased once gets no text again, whatever Discord tells of it later.
ALTER TABLE messages
    ADD COLUMN erased_at timestamptz,
    ADD CONSTRAINT messages_erased_check CHECK (erased_at IS NULL OR content = '');
ALTER TABLE threads
    ADD COLUMN erased_at timestamptz,
    ADD CONSTRAINT threads_erased_check CHECK (erased_at IS NULL OR title = '');
ALTER TABLE questions
    ADD COLUMN erased_at timestamptz,
    ADD CONSTRAINT questions_erased_check CHECK (erased_at IS NULL OR title = '');
ALTER TABLE answers
    ADD COLUMN erased_at timestamptz,
    -- It is never repeated.
    ADD CONSTRAINT answers_erased_check
        CHECK (erased_at IS NULL OR (text = '' AND cut = '[]' AND repeat_key IS NULL));
ALTER TABLE outbox
    ADD COLUMN thread_id bigint,  -- that it tells of, where it goes elsewhere
    ADD COLUMN erased_at timestamptz,
    ADD CONSTRAINT outbox_erased_check
        CHECK (erased_at IS NULL OR (ended_at IS NOT NULL AND NOT payload ?| '{content,files}'));

-- Rows on their way, whose text goes once they have ended. No reference: whoever sends one holds it
-- locked, and is waited for by nobody.
CREATE TABLE outbox_erasures (
    outbox_id bigint PRIMARY KEY
);

-- What is too old, oldest first; what was erased is in none of them.
CREATE INDEX messages_aging ON messages (guild_id, created_at) WHERE content <> '';
CREATE INDEX threads_aging ON threads (guild_id, created_at) WHERE title <> '';
CREATE INDEX questions_aging ON questions (guild_id, ended_at)
    WHERE ended_at IS NOT NULL AND erased_at IS NULL;
CREATE INDEX outbox_aging ON outbox (guild_id, ended_at)
    WHERE ended_at IS NOT NULL AND erased_at IS NULL AND answer_id IS NULL;
CREATE INDEX feedback_aging ON feedback (guild_id, changed_at) WHERE note IS NOT NULL;

-- What is stored of one person.
CREATE INDEX messages_person ON messages (guild_id, author_id, id) WHERE content <> '';
CREATE INDEX threads_person ON threads (guild_id, author_id, id) WHERE title <> '';
CREATE INDEX questions_person ON questions (guild_id, author_id, id) WHERE erased_at IS NULL;
CREATE INDEX feedback_person ON feedback (guild_id, person_id);
CREATE INDEX conversations_person ON conversations (guild_id, person_id) WHERE person_id IS NOT NULL;
CREATE INDEX drafts_editor ON drafts (guild_id, edited_by) WHERE text <> '';
CREATE INDEX outbox_direct ON outbox (guild_id, (payload ->> 'person')) WHERE kind = 'direct';
CREATE INDEX outbox_call ON outbox ((payload ->> 'after')) WHERE payload ? 'after';
CREATE INDEX outbox_thread ON outbox (thread_id) WHERE thread_id IS NOT NULL;

-- Whatever happens in a thread looks for what was asked there, in conversations that were closed too.
CREATE INDEX conversations_thread ON conversations (thread_id);

-- Of the drafts that staff has: where they are shown.
UPDATE outbox SET thread_id = conversations.thread_id
FROM answers JOIN questions ON questions.id = question_id
JOIN conversations ON conversations.id = conversation_id
WHERE outbox.payload -> 'buttons' = jsonb_build_array('draft', answers.id);

-- What was deleted on Discord before its questions and answers lost their texts with it.
WITH gone AS (
    SELECT questions.id FROM questions
    JOIN conversations ON conversations.id = conversation_id
    LEFT JOIN threads ON threads.id = conversations.thread_id
    LEFT JOIN messages ON messages.id = questions.message_id
    WHERE ended_at IS NOT NULL
      AND (threads.deleted_at IS NOT NULL OR messages.deleted_at IS NOT NULL)),
asked AS (
    UPDATE questions SET title = '', erased_at = now() WHERE id IN (SELECT id FROM gone)),
told AS (
    SELECT outbox.id FROM outbox LEFT JOIN answers ON answers.id = answer_id
    WHERE outbox.ended_at IS NOT NULL AND (question_id IN (SELECT id FROM gone) OR EXISTS (
        SELECT FROM threads
        WHERE threads.id IN (channel_id, outbox.thread_id) AND threads.deleted_at IS NOT NULL))),
sent AS (
    UPDATE outbox SET payload = payload - 'content' - 'files', erased_at = now()
    WHERE id IN (SELECT id FROM told)),
noted AS (
    UPDATE feedback SET note = NULL
    WHERE answer_id IN (SELECT id FROM answers WHERE question_id IN (SELECT id FROM gone))),
drafted AS (
    UPDATE drafts
    SET text = CASE WHEN text IS NOT NULL THEN '' END,
        decided_at = coalesce(decided_at, now()),
        state = CASE state WHEN 'open' THEN 'withdrawn' ELSE state END
    WHERE answer_id IN (SELECT id FROM answers WHERE question_id IN (SELECT id FROM gone)))
UPDATE answers
SET text = '', cut = '[]', repeat_key = NULL, erased_at = now(),
    citations = (
        SELECT coalesce(jsonb_agg(cited || '{"title": ""}' ORDER BY place), '[]')
        FROM jsonb_array_elements(citations) WITH ORDINALITY AS listed (cited, place)),
    evidence = (
        SELECT coalesce(jsonb_agg(piece || '{"title": "", "heading": ""}' ORDER BY place), '[]')
        FROM jsonb_array_elements(evidence) WITH ORDINALITY AS listed (piece, place))
WHERE question_id IN (SELECT id FROM gone);
