-- +goose Up
-- The series of backups that are watched. They outlive their snapshots.
CREATE TABLE series (
    seq             INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    repository_seq  INTEGER NOT NULL REFERENCES repositories (seq) ON DELETE CASCADE,
    host            TEXT NOT NULL,
    paths           TEXT NOT NULL, -- JSON: bytes in Base64
    more_paths      INTEGER NOT NULL,
    tags            TEXT NOT NULL, -- likewise
    latest          BLOB NOT NULL,
    added_at        INTEGER,
    last_backup     INTEGER,
    last_seen       INTEGER,
    size            INTEGER NOT NULL,
    rhythm          INTEGER NOT NULL, -- nanoseconds
    future          INTEGER NOT NULL,
    silent_at_first INTEGER NOT NULL,
    retired_at      INTEGER,
    retired_by      TEXT NOT NULL DEFAULT '',
    ring            TEXT NOT NULL -- JSON
) STRICT;
CREATE INDEX series_by_repository ON series (repository_seq, seq);

-- When each snapshot was first seen. A snapshot that is forgotten leaves this table.
CREATE TABLE sightings (
    repository_seq INTEGER NOT NULL REFERENCES repositories (seq) ON DELETE CASCADE,
    snapshot       BLOB NOT NULL,
    claimed        INTEGER,
    seen           INTEGER,
    mark           TEXT NOT NULL,
    PRIMARY KEY (repository_seq, snapshot)
) STRICT, WITHOUT ROWID;

-- When the series of a repository were last brought up to date.
CREATE TABLE looks (
    repository_seq INTEGER PRIMARY KEY REFERENCES repositories (seq) ON DELETE CASCADE,
    looked_at      INTEGER,
    failed_at      INTEGER,
    unwatched      INTEGER NOT NULL,
    names          TEXT NOT NULL -- JSON
) STRICT;

CREATE TABLE alarm_rules (
    seq            INTEGER PRIMARY KEY,
    id             TEXT NOT NULL UNIQUE,
    name           TEXT NOT NULL,
    name_key       TEXT NOT NULL UNIQUE,
    kind           TEXT NOT NULL,
    repository_seq INTEGER REFERENCES repositories (seq) ON DELETE CASCADE,
    host_pattern   TEXT NOT NULL,
    paths          TEXT NOT NULL, -- JSON
    tag            TEXT NOT NULL,
    max_age        INTEGER NOT NULL,
    severity       TEXT NOT NULL,
    disabled       INTEGER NOT NULL,
    created_at     INTEGER
) STRICT;
CREATE INDEX alarm_rules_by_repository ON alarm_rules (repository_seq);
