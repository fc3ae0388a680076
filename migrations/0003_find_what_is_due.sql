-- While Discord is away all that waits is put off: when the next is due is read from its end of an index.
CREATE INDEX outbox_due_at ON outbox (due_at) WHERE state = 'pending';
