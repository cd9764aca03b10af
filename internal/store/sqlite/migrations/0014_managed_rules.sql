-- +goose Up
ALTER TABLE alarm_rules ADD COLUMN managed_by TEXT NOT NULL DEFAULT '';
