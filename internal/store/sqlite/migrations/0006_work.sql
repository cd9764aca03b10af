-- +goose Up
-- One table keeps work of every kind, and one table keeps its logs. The sessions'
-- tables take these parts as they are, so that no long history is copied; the restore
-- jobs move into them.
ALTER TABLE sessions RENAME TO work;
ALTER TABLE work RENAME COLUMN statistics TO result;
ALTER TABLE work ADD COLUMN kind TEXT NOT NULL DEFAULT 'synchronize';
ALTER TABLE work ADD COLUMN alone INTEGER NOT NULL DEFAULT 1;
ALTER TABLE work ADD COLUMN started_by TEXT NOT NULL DEFAULT '';
-- "order" says what is to be done, and result what was done: JSON of the kind's own.
ALTER TABLE work ADD COLUMN "order" TEXT NOT NULL DEFAULT '';
-- The node that runs the work, and the end of its lease: '' and NULL for none.
ALTER TABLE work ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE work ADD COLUMN lease_until INTEGER;
ALTER TABLE work ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;

DROP INDEX sessions_by_repository;
DROP INDEX sessions_unended;
ALTER TABLE session_log RENAME TO work_log;
ALTER TABLE work_log RENAME COLUMN session_seq TO work_seq;

INSERT INTO work (id, kind, alone, repository_seq, started_by, "order",
    state, stop_requested, progress, error, created_at, started_at, ended_at, result)
SELECT id, 'restore', 0, repository_seq, started_by,
    -- Bytes that need not be UTF-8 are in hexadecimal. An order that is damaged stays so.
    CASE WHEN json_valid(selection) THEN json_set(selection, '$.restorePoint', restore_point_id,
        '$.snapshot', lower(hex(snapshot_id)), '$.target', lower(hex(target_path))) ELSE selection END,
    state, stop_requested, progress, error, created_at, started_at, ended_at, statistics
FROM restore_jobs ORDER BY seq;

INSERT INTO work_log (work_seq, seq, time, level, message)
SELECT w.seq, l.seq, l.time, l.level, l.message
FROM restore_log l JOIN restore_jobs j ON j.seq = l.job_seq JOIN work w ON w.id = j.id;

DROP TABLE restore_log;
DROP TABLE restore_jobs;

-- A repository's newest work of a kind is one step into the first index, and the
-- newest of all repositories one step into the second.
CREATE INDEX work_by_repository ON work (repository_seq, kind, seq);
CREATE INDEX work_by_kind ON work (kind, seq);
CREATE INDEX work_unended ON work (kind, seq) WHERE state IN ('queued', 'running');
-- The database itself holds that work which is to be alone is alone.
CREATE UNIQUE INDEX work_alone ON work (repository_seq, kind) WHERE alone AND state IN ('queued', 'running');
