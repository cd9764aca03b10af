-- +goose Up
-- seen_at is by the clock of the database. The place is the data directory of a node on its
-- machine, and the process one start of its program.
CREATE TABLE nodes (
    seq          INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    process      TEXT NOT NULL,
    place        TEXT NOT NULL,
    host_name    TEXT NOT NULL,
    address      TEXT NOT NULL,
    version      TEXT NOT NULL,
    port         INTEGER NOT NULL,
    threads      INTEGER NOT NULL,
    sessions     INTEGER NOT NULL,
    restores     INTEGER NOT NULL,
    queued       INTEGER NOT NULL,
    cpu_permille INTEGER NOT NULL, -- negative where it is not known
    memory       INTEGER NOT NULL, -- 0 where it is not known
    started_at   INTEGER,
    seen_at      INTEGER NOT NULL,
    stopped      INTEGER NOT NULL,
    maintenance  INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The node that alone serves a repository, '' for any. Repositories in folders belong to
-- the node that has the folder.
ALTER TABLE repositories ADD COLUMN node_id TEXT NOT NULL DEFAULT '';

-- Leases name the node by its own id, and here one process has the database.
UPDATE work SET owner = '' WHERE owner <> '';
