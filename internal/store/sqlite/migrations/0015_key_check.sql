-- +goose Up
-- Sealed with the key of the installation, so that another key shows.
ALTER TABLE instance ADD COLUMN key_check BLOB;
