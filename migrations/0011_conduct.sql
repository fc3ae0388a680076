-- How a thread stands, so that docbot knows when to speak, to whom, and when to stop; and the drafts that staff decides on.

ALTER TABLE threads
    ADD COLUMN others_wrote boolean NOT NULL DEFAULT false,  -- somebody but its author
    ADD COLUMN staff_wrote  boolean NOT NULL DEFAULT false,  -- one of them is staff
    ADD COLUMN spoke_at     timestamptz,  -- a person wrote last; null: nobody since it was made
    ADD COLUMN closed_at    timestamptz,  -- docbot was asked to stay out
    ADD COLUMN solved_at    timestamptz,
    ADD COLUMN solution_id  bigint,       -- the message that solved it, if one was named
    ADD COLUMN escalated_at timestamptz,  -- a human was asked for
    ADD COLUMN pinged_at    timestamptz,  -- and the helpers were pinged
    ADD COLUMN reminded_at  timestamptz,
    ADD COLUMN look_at      timestamptz,  -- when time alone may change something
    ADD COLUMN buttons_on   bigint,       -- the answer that carries the thread's buttons
    ADD CHECK (solution_id IS NULL OR solved_at IS NOT NULL);
UPDATE threads SET
    others_wrote = EXISTS (
        SELECT FROM messages
        WHERE thread_id = threads.id AND NOT is_bot AND messages.author_id <> threads.author_id),
    spoke_at = (SELECT max(messages.created_at) FROM messages WHERE thread_id = threads.id AND NOT is_bot),
    buttons_on = (
        SELECT min(answer_id) FROM outbox
        WHERE channel_id = threads.id AND state = 'sent' AND answer_id IS NOT NULL);
CREATE INDEX threads_look_at ON threads (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX threads_pinged ON threads (guild_id, pinged_at) WHERE pinged_at IS NOT NULL;

-- Of its forum when it was asked: a change takes effect on the next post. Null: asked before there was a choice.
ALTER TABLE questions ADD COLUMN mode text CHECK (mode IN ('auto', 'draft', 'mention'));
CREATE INDEX questions_collecting ON questions (ready_at) WHERE state = 'collecting';
CREATE INDEX questions_conversation ON questions (conversation_id, id);

CREATE TABLE drafts (
    answer_id  bigint PRIMARY KEY REFERENCES answers ON DELETE CASCADE,
    guild_id   bigint NOT NULL,
    channel_id bigint NOT NULL,  -- of the staff
    outbox_id  bigint NOT NULL REFERENCES outbox,  -- the message that shows it
    state      text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'sent', 'discarded', 'withdrawn')),
    text       text,             -- as staff wrote it anew; null: as docbot did
    edited_by  bigint,
    revision   integer NOT NULL DEFAULT 1 CHECK (revision >= 1),  -- of the text that staff reads
    decided_by bigint,           -- null: docbot, or who deleted the message, whom Discord does not name
    decided_at timestamptz,
    CHECK ((text IS NULL) = (edited_by IS NULL)),
    CHECK ((state = 'open') = (decided_at IS NULL)),
    CHECK (state <> 'sent' OR decided_by IS NOT NULL)
);
CREATE INDEX drafts_open ON drafts (channel_id, outbox_id) WHERE state = 'open';

-- Beside messages: buttons and texts that change, tags, archiving, and lines to one person alone.
ALTER TABLE outbox
    DROP CONSTRAINT outbox_kind_check,
    DROP CONSTRAINT outbox_check,
    ADD CONSTRAINT outbox_kind_check CHECK (kind IN ('send', 'direct', 'edit', 'tag', 'archive')),
    ADD CONSTRAINT outbox_message_check
        CHECK ((state = 'sent' AND kind IN ('send', 'direct')) = (message_id IS NOT NULL));
-- Why its answer must not be sent any more though it is on its way, and what it ends as then. Here
-- and not with the messages: whoever sends one holds its row, and is waited for by nobody.
ALTER TABLE questions
    ADD COLUMN withdrawn    text,
    ADD COLUMN withdrawn_as text CHECK (withdrawn_as IN ('cancelled', 'yielded')),
    ADD CHECK ((withdrawn IS NULL) = (withdrawn_as IS NULL));

ALTER TABLE feedback
    ADD COLUMN reason text CHECK (reason IN ('outdated', 'inaccurate', 'unanswered', 'other')),
    ADD COLUMN note   text CHECK (length(note) <= 2000),
    ADD CHECK (reason IS NULL OR vote = 'not_right'),
    ADD CHECK (note IS NULL OR reason = 'other');
