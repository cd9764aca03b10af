// Package local answers about a repository without a server: from a catalog in
// the cache directory, which it brings up to date first.
package local
