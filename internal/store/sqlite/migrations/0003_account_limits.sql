-- +goose Up
-- 0 is for the default number of connections, and for no bound of bandwidth.
ALTER TABLE accounts ADD COLUMN connections INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN bytes_per_second INTEGER NOT NULL DEFAULT 0;
