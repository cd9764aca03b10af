// Package databases measures catalogs in PostgreSQL against catalogs in SQLite.
package databases
