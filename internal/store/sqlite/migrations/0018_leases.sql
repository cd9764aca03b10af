-- +goose Up
-- Work that a user waits for goes first. Node is the only node that may run it, '' for
-- any.
ALTER TABLE work ADD COLUMN urgent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE work ADD COLUMN node TEXT NOT NULL DEFAULT '';
-- A hold keeps work of one kind, or of all ('', the repository is being removed), from
-- being started, until then.
CREATE TABLE work_holds (
    id TEXT PRIMARY KEY,
    repository_seq INTEGER NOT NULL REFERENCES repositories (seq) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT;
CREATE INDEX work_holds_by_repository ON work_holds (repository_seq, kind);
