-- +goose Up
CREATE TABLE accounts (
    seq         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,
    user_name   TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at  INTEGER,
    sealed      BLOB NOT NULL
) STRICT;

CREATE TABLE object_storages (
    seq         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    name_key    TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    kind        TEXT NOT NULL,
    account_id  TEXT NOT NULL REFERENCES accounts (id),
    cloud       TEXT NOT NULL,
    endpoint    TEXT NOT NULL,
    region      TEXT NOT NULL,
    bucket      TEXT NOT NULL,
    folder      TEXT NOT NULL,
    created_at  INTEGER
) STRICT;

CREATE INDEX object_storages_by_account ON object_storages (account_id);

-- The column was there and always empty. One that refers to another table
-- cannot be made of it, so it makes room; NULL is for none.
ALTER TABLE repositories DROP COLUMN object_storage_id;
ALTER TABLE repositories ADD COLUMN object_storage_id TEXT REFERENCES object_storages (id);

CREATE INDEX repositories_by_storage ON repositories (object_storage_id);
