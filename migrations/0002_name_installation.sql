-- Several docbots may keep their indexes on one Qdrant server: each knows its collections by this name.
CREATE TABLE installation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    name     text NOT NULL DEFAULT substr(replace(gen_random_uuid()::text, '-', ''), 1, 12) CHECK (name ~ '^[a-z0-9]{1,32}$')
);
INSERT INTO installation DEFAULT VALUES;

-- On a server a replaced generation is dropped for every reader: it stays until all have swapped.
ALTER TABLE index_generations ADD COLUMN retired_at timestamptz;
