-- How many chunks of a source hold each of its words, and which languages they are in: by the first a question's words are told
-- from those of another subject, by the second it is known how to search for them.

-- One row for each source of a generation, read whole when its index is opened.
CREATE TABLE vocabularies (
    generation_id bigint NOT NULL REFERENCES index_generations ON DELETE CASCADE,
    source_id     bigint NOT NULL,  -- no reference: the index holds the chunks of a source that was removed since
    chunks        integer NOT NULL CHECK (chunks > 0),
    terms         bytea NOT NULL,  -- ids of terms, ascending, each four bytes, little-endian
    counts        bytea NOT NULL,  -- of each term, in the same order and form: the chunks that hold it
    languages     text[] NOT NULL,  -- of its chunks, as Snowball names them, English first
    PRIMARY KEY (generation_id, source_id),
    CHECK (length(terms) = length(counts) AND length(terms) % 4 = 0)
);
