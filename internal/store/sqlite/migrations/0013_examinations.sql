-- +goose Up
-- The outcome of the comparisons of each series' backups, in forms of the examiner's own.
CREATE TABLE examinations (
    series_seq INTEGER PRIMARY KEY REFERENCES series (seq) ON DELETE CASCADE,
    snapshot   BLOB NOT NULL, -- the last one that was looked at
    past       TEXT NOT NULL,
    unusual    TEXT NOT NULL, -- '' while nothing is unusual
    skipped    INTEGER NOT NULL
) STRICT;
