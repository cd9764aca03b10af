-- +goose Up
-- The last look at the storage of each repository: whether its files can be removed. A look
-- belongs to the node whose claim is the last one. at is NULL before the first look has ended.
CREATE TABLE immutability (
    repository_seq INTEGER PRIMARY KEY REFERENCES repositories (seq) ON DELETE CASCADE,
    storage_id     TEXT NOT NULL,
    claimed_at     INTEGER NOT NULL,
    at             INTEGER,
    error          TEXT NOT NULL DEFAULT '',
    told           INTEGER NOT NULL DEFAULT 0,
    oldest         INTEGER,
    newest         INTEGER,
    rule           TEXT NOT NULL DEFAULT '',
    looked         INTEGER NOT NULL DEFAULT 0,
    kept           INTEGER NOT NULL DEFAULT 0,
    held           INTEGER NOT NULL DEFAULT 0,
    archived       INTEGER NOT NULL DEFAULT 0,
    class          TEXT NOT NULL DEFAULT '',
    whole          INTEGER NOT NULL DEFAULT 0,
    rights         TEXT NOT NULL DEFAULT 'Unknown'
) STRICT;
