-- A process that stands by must know what the one that acts works with: two embedding models on one database would take turns in making the index anew.
ALTER TABLE activity
    ADD COLUMN lock_pid integer,      -- Postgres's process that holds the lock for it; the other columns below are of this one alone
    ADD COLUMN embedding_model text;  -- null: searches by words alone
