// Package client talks to a Syncline server: it signs in, keeps itself signed
// in, and has a method for everything that users do through the v6 API.
//
//	c, err := client.New("https://backup.example:4443", client.Options{
//		UserName: "ann", Password: password, Fingerprint: "9F:86:D0:…",
//	})
//	for hit, err := range c.Search(ctx, client.SearchQuery{Text: []string{"budget.ods"}}) {
//		…
//	}
//
// A Client may be used by several goroutines at once. Methods return an *Error
// when the server refused, with its status and its sentence; any other error is
// of the way there: the network, the certificate, a canceled context. Nothing
// but a refused token and a download that broke off is tried again.
//
// Long answers are iterators that fetch page after page; the last pair of one
// that failed holds the error. Paths are bytes as the backed-up machine had
// them, absolute, with slashes, and need not be UTF-8. Sizes are bytes, times
// are in UTC. A field that the server leaves out is zero.
//
// # Stability
//
// The module follows semantic versioning. Below v1.0.0 a minor version may
// change exported names, and CHANGELOG.md then says what to change. A patch
// version changes none. Fields may be added to structs at any time, so use
// their names in literals. A client works with servers of its own minor version
// and of later ones that serve v6; it passes over fields that it does not know.
package client
