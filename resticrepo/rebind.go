package resticrepo

// With returns the same opened repository read through another Storage, such
// as one that counts its requests. It reads nothing: st must hold the same
// repository. It saves deriving the key again.
func (r *Repository) With(st Storage) *Repository {
	c := &Repository{st: st, key: r.key, keyID: r.keyID, config: r.config}
	c.decoders.New = func() any { return c.NewDecoder() }
	return c
}
