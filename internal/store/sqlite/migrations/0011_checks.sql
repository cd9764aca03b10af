-- +goose Up
-- When a repository is checked by itself. The interval is in nanoseconds, 0 for the
-- server's own; cron takes its place.
ALTER TABLE repositories ADD COLUMN sync_disabled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN sync_interval INTEGER NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN sync_cron TEXT NOT NULL DEFAULT '';
ALTER TABLE repositories ADD COLUMN sync_zone TEXT NOT NULL DEFAULT '';

-- The last check of each repository, and how its last session ended.
CREATE TABLE checks (
    repository_seq   INTEGER PRIMARY KEY REFERENCES repositories (seq) ON DELETE CASCADE,
    at               INTEGER,
    result           TEXT NOT NULL,
    error            TEXT NOT NULL,
    code             TEXT NOT NULL,
    failures         INTEGER NOT NULL,
    failing_since    INTEGER,
    listing          TEXT NOT NULL,
    session_error    TEXT NOT NULL,
    session_code     TEXT NOT NULL,
    session_failures INTEGER NOT NULL,
    session_since    INTEGER,
    session_at       INTEGER,
    session_listing  TEXT NOT NULL
) STRICT;
