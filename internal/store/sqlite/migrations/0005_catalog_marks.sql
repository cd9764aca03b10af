-- +goose Up
-- The catalog that the last session left, and its state: '' and 0 for none.
ALTER TABLE repositories ADD COLUMN catalog TEXT NOT NULL DEFAULT '';
ALTER TABLE repositories ADD COLUMN catalog_changes INTEGER NOT NULL DEFAULT 0;
