-- +goose Up
-- The parts of accounts' limits that nodes have. rate is in millionths. since and ends_at
-- are nanoseconds since 1970, by the clock of the database.
CREATE TABLE account_users (
    account_id  TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    node        TEXT NOT NULL,
    connections INTEGER NOT NULL,
    rate        INTEGER NOT NULL,
    wants       INTEGER NOT NULL,
    since       INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL,
    PRIMARY KEY (account_id, node)
) STRICT, WITHOUT ROWID;
