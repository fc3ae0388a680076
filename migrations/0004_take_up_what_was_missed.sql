-- Where a catch-up may end, from when a question's or a message's age counts, and what must not be sent any more.

-- Everything that happened in the forum up to then was told to docbot; null: since it was bound.
ALTER TABLE forums ADD COLUMN told_until timestamptz;

-- Null: from when it was asked, or written down. Later where it was found late, or tried again by an operator.
ALTER TABLE questions ADD COLUMN counts_from timestamptz;
ALTER TABLE outbox ADD COLUMN counts_from timestamptz;

-- Why a message must not be sent any more that was tried already: it may be on Discord all the same.
ALTER TABLE outbox ADD COLUMN withdrawn text;

-- What a worker lost sight of is found without reading every question there ever was.
CREATE INDEX questions_answering ON questions (epoch, claimed_by) WHERE state = 'answering';
