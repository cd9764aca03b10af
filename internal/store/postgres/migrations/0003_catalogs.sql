-- readable by: 1
-- The catalogs of all repositories. A generation is a set of values; its number is
-- never used again. Each catalog reads one generation at a time.
CREATE SEQUENCE catalog_generations AS bigint;

CREATE TABLE catalogs (
    no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repository text NOT NULL UNIQUE,
    generation bigint NOT NULL DEFAULT nextval('catalog_generations'),
    head bytea NOT NULL DEFAULT '',
    -- The sum of the lengths of the generation's values.
    bytes bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
ALTER TABLE catalogs ALTER COLUMN head SET STORAGE PLAIN;

-- The id is the kind times 2^40 plus the number. A final value does not change while
-- its generation lasts.
CREATE TABLE catalog_values (
    generation bigint NOT NULL,
    id bigint NOT NULL,
    final boolean NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (generation, id)
) WITH (autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE catalog_values ALTER COLUMN data SET STORAGE EXTERNAL;

-- The catalogs that were found damaged.
CREATE TABLE catalog_damages (
    catalog bigint PRIMARY KEY REFERENCES catalogs (no) ON DELETE CASCADE
);

-- The generations that no catalog has, whose values are to be deleted.
CREATE TABLE catalog_dropped (
    generation bigint PRIMARY KEY
);
