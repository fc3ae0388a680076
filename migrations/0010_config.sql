-- What is set for a server or for one of its forums; what is not set has the default of the code.

-- A row belongs to its forum's binding: it follows it to another server, and goes with it.
ALTER TABLE forums ADD UNIQUE (channel_id, guild_id);
CREATE TABLE config (
    guild_id   bigint NOT NULL,
    channel_id bigint CHECK (channel_id > 0),  -- null: for the whole server
    name       text NOT NULL CHECK (name ~ '^[a-z]+(-[a-z]+)*$'),
    value      text NOT NULL,  -- as `docbot config set` takes it, so that one reader reads both
    FOREIGN KEY (channel_id, guild_id) REFERENCES forums (channel_id, guild_id)
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE UNIQUE INDEX config_place ON config (guild_id, coalesce(channel_id, 0), name);
