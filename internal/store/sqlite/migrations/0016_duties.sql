-- +goose Up
-- One node at a time has a duty. epoch and ends_at are nanoseconds since 1970, by the
-- clock of the database.
CREATE TABLE duties (
    name    TEXT PRIMARY KEY,
    owner   TEXT NOT NULL,
    epoch   INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The nodes have to know of one another's checks. asked_at is not NULL while
-- somebody waits for a check; anew says that the last session counts for nothing then.
ALTER TABLE checks ADD COLUMN due_at INTEGER;
ALTER TABLE checks ADD COLUMN plan TEXT NOT NULL DEFAULT '';
ALTER TABLE checks ADD COLUMN looked_at INTEGER;
ALTER TABLE checks ADD COLUMN asked_at INTEGER;
ALTER TABLE checks ADD COLUMN anew INTEGER NOT NULL DEFAULT 0;
