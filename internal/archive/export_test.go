package archive

// SetLimit bounds the number of entries.
func (a *Archive) SetLimit(n int64) { a.limit = n }
