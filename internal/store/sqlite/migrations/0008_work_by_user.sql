-- +goose Up
-- A page of one user's work is one step into this index. Work that nobody started by
-- hand, such as most sessions, is not in it.
CREATE INDEX work_by_user ON work (started_by, kind, seq) WHERE started_by <> '';
