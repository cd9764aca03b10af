-- +goose Up
-- An alarm without a repository concerns the server itself. repository_seq is 0 then in
-- the index, because NULL equals nothing.
CREATE TABLE alarms (
    seq             INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    kind            TEXT NOT NULL,
    repository_seq  INTEGER REFERENCES repositories (seq) ON DELETE CASCADE,
    subject         TEXT NOT NULL,
    severity        TEXT NOT NULL,
    peak            TEXT NOT NULL,
    host_name       TEXT NOT NULL,
    paths           TEXT NOT NULL, -- a JSON array of texts in Base64: paths need not be UTF-8
    message         TEXT NOT NULL,
    link            TEXT NOT NULL,
    started_at      INTEGER,
    ended_at        INTEGER,
    reopened        INTEGER NOT NULL,
    acknowledged_by TEXT NOT NULL,
    acknowledged_at INTEGER,
    note            TEXT NOT NULL,
    silenced_until  INTEGER
) STRICT;

-- The database itself holds that a condition has one open alarm.
CREATE UNIQUE INDEX alarms_open ON alarms (kind, coalesce(repository_seq, 0), subject) WHERE ended_at IS NULL;
CREATE INDEX alarms_by_kind ON alarms (kind, repository_seq, ended_at);
CREATE INDEX alarms_by_repository ON alarms (repository_seq, seq);
CREATE INDEX alarms_ended ON alarms (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE alarm_events (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    alarm_seq INTEGER NOT NULL REFERENCES alarms (seq) ON DELETE CASCADE,
    event     TEXT NOT NULL,
    at        INTEGER NOT NULL,
    tell_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX alarm_events_by_alarm ON alarm_events (alarm_seq);
