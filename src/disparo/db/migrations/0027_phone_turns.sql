-- Which notices and collections counted against the frequency caps of their phones: a few days of them, by a hash
-- of the number. Whether one went its message tells; a turn that came to nothing does not count.
CREATE TABLE phone_turns (
    message_id bigint PRIMARY KEY,
    phone_key  bigint NOT NULL,  -- hashtextextended(e164, 0)
    at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX phone_turns_phone ON phone_turns (phone_key, at);
CREATE INDEX phone_turns_at ON phone_turns (at);
