package resticrepo

import (
	"context"
	"io"
)

// With returns the same opened repository, read through another Storage, such
// as one that counts its requests. It reads nothing, so st must hold the same
// repository. It saves deriving the key again.
func (r *Repository) With(st Storage) *Repository {
	return newRepository(st, r.key, r.keyID, r.config, r.seal)
}

// OpenPack reads length bytes of a pack from offset: neighbouring blobs as they
// lie there, for Decoder.Blob. The error of a missing pack matches ErrNotFound.
func (r *Repository) OpenPack(ctx context.Context, pack ID, offset, length int64) (io.ReadCloser, error) {
	rd, err := r.st.Open(ctx, PackName(pack), offset, length)
	if err != nil && isNotExist(err) {
		return nil, &notFoundError{name: PackName(pack), err: err}
	}
	return rd, err
}
