-- +goose Up
-- Times are nanoseconds since 1970 in UTC, NULL for none. seq is the order of
-- insertion: it is what "oldest" and "newest" go by, so that a clock that was
-- set back reorders nothing. name_key is the name as store.FoldName folds it.

CREATE TABLE instance (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    installation_id TEXT NOT NULL
) STRICT;

CREATE TABLE encryption_keys (
    seq         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    created_at  INTEGER,
    sealed      BLOB NOT NULL
) STRICT;

CREATE TABLE repositories (
    seq                   INTEGER PRIMARY KEY,
    id                    TEXT NOT NULL UNIQUE,
    name                  TEXT NOT NULL,
    name_key              TEXT NOT NULL UNIQUE,
    description           TEXT NOT NULL,
    path                  TEXT NOT NULL,
    object_storage_id     TEXT NOT NULL,
    encryption_key_id     TEXT REFERENCES encryption_keys (id), -- NULL for none
    retention_type        TEXT NOT NULL,
    retention_period_type TEXT NOT NULL,
    retention_yearly      TEXT NOT NULL,
    out_of_sync           INTEGER NOT NULL,
    created_at            INTEGER
) STRICT;

CREATE INDEX repositories_by_key ON repositories (encryption_key_id);

CREATE TABLE users (
    seq           INTEGER PRIMARY KEY,
    name          TEXT NOT NULL,
    name_key      TEXT NOT NULL UNIQUE,
    role          TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at    INTEGER
) STRICT;

-- An ended family stays, with its tokens, until they expire: so a token that
-- comes late still finds that its family has ended.
CREATE TABLE token_families (
    id       TEXT PRIMARY KEY,
    user_seq INTEGER NOT NULL REFERENCES users (seq) ON DELETE CASCADE,
    ended    INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX token_families_by_user ON token_families (user_seq);

CREATE TABLE tokens (
    hash       BLOB PRIMARY KEY,
    family     TEXT NOT NULL REFERENCES token_families (id) ON DELETE CASCADE,
    refresh    INTEGER NOT NULL,
    used       INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_by_family ON tokens (family);
CREATE INDEX tokens_by_expiry ON tokens (expires_at);

CREATE TABLE sessions (
    seq            INTEGER PRIMARY KEY,
    id             TEXT NOT NULL UNIQUE,
    repository_seq INTEGER NOT NULL REFERENCES repositories (seq) ON DELETE CASCADE,
    state          TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'stopped', 'failed')),
    stop_requested INTEGER NOT NULL DEFAULT 0,
    progress       INTEGER NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    error          TEXT NOT NULL DEFAULT '',
    created_at     INTEGER,
    started_at     INTEGER,
    ended_at       INTEGER,
    statistics     TEXT NOT NULL DEFAULT '{}' -- JSON
) STRICT;

-- A repository's newest session is one step into this index.
CREATE INDEX sessions_by_repository ON sessions (repository_seq, seq);
-- One session at most that has not ended, held by the database itself.
CREATE UNIQUE INDEX sessions_unended ON sessions (repository_seq) WHERE state IN ('queued', 'running');

CREATE TABLE session_log (
    session_seq INTEGER NOT NULL REFERENCES sessions (seq) ON DELETE CASCADE,
    seq         INTEGER NOT NULL,
    time        INTEGER,
    level       TEXT NOT NULL,
    message     TEXT NOT NULL,
    PRIMARY KEY (session_seq, seq)
) STRICT, WITHOUT ROWID;
