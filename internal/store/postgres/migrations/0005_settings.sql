-- readable by: 1
-- The fields of an account or a storage that only its kind has, as a JSON object of texts.
ALTER TABLE accounts ADD COLUMN method TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE object_storages ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
