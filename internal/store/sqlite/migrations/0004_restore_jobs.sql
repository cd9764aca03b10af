-- +goose Up
CREATE TABLE restore_jobs (
    seq              INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,
    repository_seq   INTEGER NOT NULL REFERENCES repositories (seq) ON DELETE CASCADE,
    restore_point_id TEXT NOT NULL,
    snapshot_id      BLOB NOT NULL,
    started_by       TEXT NOT NULL,
    target_path      TEXT NOT NULL,
    selection        TEXT NOT NULL, -- JSON; paths and patterns in Base64, they need not be UTF-8
    state            TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'stopped', 'failed')),
    stop_requested   INTEGER NOT NULL DEFAULT 0,
    progress         INTEGER NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    error            TEXT NOT NULL DEFAULT '',
    created_at       INTEGER,
    started_at       INTEGER,
    ended_at         INTEGER,
    statistics       TEXT NOT NULL DEFAULT '{}' -- JSON
) STRICT;

CREATE INDEX restore_jobs_by_repository ON restore_jobs (repository_seq);
CREATE INDEX restore_jobs_unended ON restore_jobs (seq) WHERE state IN ('queued', 'running');

CREATE TABLE restore_log (
    job_seq INTEGER NOT NULL REFERENCES restore_jobs (seq) ON DELETE CASCADE,
    seq     INTEGER NOT NULL,
    time    INTEGER,
    level   TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (job_seq, seq)
) STRICT, WITHOUT ROWID;
