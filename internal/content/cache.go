package content

import (
	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/weighted"
)

// Cache keeps the decoded blobs that were used last. One cache may serve many
// repositories: a blob's name is its hash. Nobody may write to a blob in it.
type Cache = weighted.Cache[syncline.Hash, []byte]

// NewCache returns a cache that holds at most so many bytes.
func NewCache(bytes int64) *Cache {
	return weighted.New[syncline.Hash](bytes, func(blob []byte) int64 { return int64(len(blob)) })
}
