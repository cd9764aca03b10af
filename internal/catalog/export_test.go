package catalog

// KindCount is the number of kinds, for tests that visit them all.
const KindCount = kindCount

// Frame seals a payload as the catalog does.
func Frame(kind Kind, no uint64, payload []byte) []byte { return frame(kind, no, payload) }
