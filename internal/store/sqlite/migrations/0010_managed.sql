-- +goose Up
-- The id in the repository's config, in hexadecimal: '' while it is not known. A copy
-- of a repository has the same one.
ALTER TABLE repositories ADD COLUMN restic_id TEXT NOT NULL DEFAULT '';
-- The name of the file that declares a thing: '' for none.
ALTER TABLE repositories ADD COLUMN managed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE encryption_keys ADD COLUMN managed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN managed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE object_storages ADD COLUMN managed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN managed_by TEXT NOT NULL DEFAULT '';
