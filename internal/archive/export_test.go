package archive

// SetLimit bounds the entries.
func (a *Archive) SetLimit(n int64) { a.limit = n }
