// Package server puts a server together: its data directory, the parts that
// answer and synchronize, and the REST API before them.
package server
