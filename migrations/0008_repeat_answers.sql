-- An exact repeat of a question on an unchanged index is answered from the store; and each answer keeps how probable it was that its passages answer.
ALTER TABLE answers
    ADD COLUMN repeat_key  bytea,  -- a hash of the question and of all that its answer depends on; null: never repeated
    ADD COLUMN probability real CHECK (probability BETWEEN 0 AND 1);
CREATE INDEX answers_repeat ON answers (guild_id, repeat_key) WHERE repeat_key IS NOT NULL;
