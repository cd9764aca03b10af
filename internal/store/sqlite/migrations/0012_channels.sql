-- +goose Up
CREATE TABLE channels (
    seq              INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,
    name             TEXT NOT NULL,
    name_key         TEXT NOT NULL UNIQUE,
    kind             TEXT NOT NULL,
    enabled          INTEGER NOT NULL,
    minimum_severity TEXT NOT NULL,
    repository_ids   TEXT NOT NULL, -- a JSON array
    settings         TEXT NOT NULL, -- JSON
    subject          TEXT NOT NULL,
    body             TEXT NOT NULL,
    digest           TEXT NOT NULL, -- JSON
    sealed           BLOB,          -- NULL for no secret
    created_at       INTEGER,
    last_sent_at     INTEGER,
    last_failed_at   INTEGER,
    last_error       TEXT NOT NULL DEFAULT '',
    digest_from      INTEGER
) STRICT;

CREATE TABLE deliveries (
    seq         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    channel_seq INTEGER NOT NULL REFERENCES channels (seq) ON DELETE CASCADE,
    kind        TEXT NOT NULL,
    content     TEXT NOT NULL, -- JSON
    created_at  INTEGER,
    state       TEXT NOT NULL CHECK (state IN ('Pending', 'Sent', 'Failed')),
    attempts    INTEGER NOT NULL,
    next_at     INTEGER,
    ended_at    INTEGER,
    error       TEXT NOT NULL
) STRICT;

CREATE INDEX deliveries_by_channel ON deliveries (channel_seq, seq);
CREATE INDEX deliveries_pending ON deliveries (channel_seq, next_at) WHERE state = 'Pending';
