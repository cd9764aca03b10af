-- readable by: 1
-- The transaction that has written a row last, so that a node finds what has changed by an
-- index. Triggers set it, so the programs that do not know the column write it, too.
ALTER TABLE repositories ADD COLUMN written_by BIGINT NOT NULL DEFAULT 0;
ALTER TABLE checks ADD COLUMN written_by BIGINT NOT NULL DEFAULT 0;
CREATE INDEX repositories_by_writer ON repositories (written_by);
CREATE INDEX checks_by_writer ON checks (written_by);

CREATE FUNCTION mark_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.written_by := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$;
CREATE TRIGGER written BEFORE INSERT OR UPDATE ON repositories FOR EACH ROW EXECUTE FUNCTION mark_written();
CREATE TRIGGER written BEFORE INSERT OR UPDATE ON checks FOR EACH ROW EXECUTE FUNCTION mark_written();

-- The last transaction that has removed rows of a list.
CREATE TABLE list_removals (
    list       TEXT PRIMARY KEY,
    removed_by BIGINT NOT NULL DEFAULT 0
);
INSERT INTO list_removals (list) VALUES ('repositories'), ('checks');

CREATE FUNCTION mark_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE syncline.list_removals SET removed_by = pg_current_xact_id()::text::bigint WHERE list = TG_TABLE_NAME;
    RETURN NULL;
END $$;
CREATE TRIGGER removed AFTER DELETE OR TRUNCATE ON repositories FOR EACH STATEMENT EXECUTE FUNCTION mark_removed();
CREATE TRIGGER removed AFTER DELETE OR TRUNCATE ON checks FOR EACH STATEMENT EXECUTE FUNCTION mark_removed();
