-- readable by: 1
-- The wrong guesses of secrets. Keys are digests with a key of the installation. Times
-- are nanoseconds since 1970.
CREATE TABLE attempt_counts (
    key      BYTEA PRIMARY KEY,
    failures BIGINT NOT NULL,
    until    BIGINT NOT NULL, -- the earliest next attempt
    ends_at  BIGINT NOT NULL
);

-- Guessers that were right, such as a user at an address, by their secret.
CREATE TABLE attempt_trust (
    guesser BYTEA PRIMARY KEY,
    secret  BYTEA NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX attempt_trust_by_secret ON attempt_trust (secret, ends_at);
