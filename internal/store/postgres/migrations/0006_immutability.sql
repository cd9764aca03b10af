-- readable by: 1
-- The last look at the storage of each repository: whether its files can be removed. A look
-- belongs to the node whose claim is the last one. at is NULL before the first look has ended.
CREATE TABLE immutability (
    repository_seq BIGINT PRIMARY KEY REFERENCES repositories (seq) ON DELETE CASCADE,
    storage_id     TEXT NOT NULL,
    claimed_at     BIGINT NOT NULL,
    at             BIGINT,
    error          TEXT NOT NULL DEFAULT '',
    told           BOOLEAN NOT NULL DEFAULT FALSE,
    oldest         BIGINT,
    newest         BIGINT,
    rule           TEXT NOT NULL DEFAULT '',
    looked         BIGINT NOT NULL DEFAULT 0,
    kept           BIGINT NOT NULL DEFAULT 0,
    held           BIGINT NOT NULL DEFAULT 0,
    archived       BIGINT NOT NULL DEFAULT 0,
    class          TEXT NOT NULL DEFAULT '',
    whole          BOOLEAN NOT NULL DEFAULT FALSE,
    rights         TEXT NOT NULL DEFAULT 'Unknown'
);
