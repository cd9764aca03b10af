package client

import (
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"syncline.dev/syncline"
)

const points = "RestorePoints"

// RestorePoints returns the snapshots in a repository, or with "" in all of
// them, newest first. When the server had to leave repositories out, the error is
// a LeftOutError and the list holds the others' snapshots.
func (c *Client) RestorePoints(ctx context.Context, repository syncline.ID) ([]RestorePoint, error) {
	q := url.Values{}
	set(q, "repositoryId", string(repository))
	res, err := c.do(ctx, call{method: http.MethodGet, path: at(points), query: q})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	list, err := decode[[]RestorePoint](ctx, res.Body)
	if left := res.Header.Get("Syncline-Incomplete"); err == nil && left != "" {
		err = &LeftOutError{Repositories: strings.Split(left, ", ")}
	}
	return list, err
}

// LeftOutError says that an answer leaves repositories out, because the server
// has no catalog of them to answer from.
type LeftOutError struct {
	Repositories []string // their ids; the last one can be how many more there are
}

// Error names what is left out.
func (e *LeftOutError) Error() string {
	return fmt.Sprintf("the server could not answer for the repositories %s; synchronize them", strings.Join(e.Repositories, ", "))
}

// RestorePoint returns one snapshot.
func (c *Client) RestorePoint(ctx context.Context, id syncline.ID) (RestorePoint, error) {
	return get[RestorePoint](ctx, c, under(points, id), nil)
}

// setPath adds a path, in Base64 when JSON could not carry it.
func setPath(q url.Values, path string) {
	if utf8.ValidString(path) {
		set(q, "path", path)
		return
	}
	q.Set("rawPath", base64.RawURLEncoding.EncodeToString([]byte(path)))
}

// pages goes through answers that come with a cursor.
func pages[P, T any](page func(cursor string) (P, error), of func(P) (results []T, next string)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor := ""; ; {
			p, err := page(cursor)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			var results []T
			results, cursor = of(p)
			for i := range results {
				if !yield(results[i], nil) {
					return
				}
			}
			if cursor == "" {
				return
			}
		}
	}
}

// paged returns the function that pages asks.
func paged[P any](ctx context.Context, c *Client, path string, q url.Values) func(cursor string) (P, error) {
	q.Set("limit", strconv.Itoa(pageSize))
	return func(cursor string) (P, error) {
		set(q, "cursor", cursor)
		return get[P](ctx, c, path, q)
	}
}

// EntriesQuery says which entries are wanted, and in which order.
type EntriesQuery struct {
	Path         string // of the folder; "" for the root
	Sort         string // name, size, modified or type; "" for name
	Descending   bool
	FoldersFirst bool
	Recursive    bool // also what is in the folders below; by name only
}

// Entries returns the entries of a folder.
func (c *Client) Entries(ctx context.Context, point syncline.ID, query EntriesQuery) iter.Seq2[Entry, error] {
	q := url.Values{}
	setPath(q, query.Path)
	set(q, "sort", query.Sort)
	if query.Descending {
		q.Set("order", "desc")
	}
	if query.FoldersFirst {
		q.Set("foldersFirst", "true")
	}
	if query.Recursive {
		q.Set("recursive", "true")
	}
	return pages(paged[EntryPage](ctx, c, under(points, point, "Entries"), q),
		func(p EntryPage) ([]Entry, string) { return p.Results, p.NextCursor })
}

// Entry returns all that is known of the entry at a path.
func (c *Client) Entry(ctx context.Context, point syncline.ID, path string) (Entry, error) {
	q := url.Values{}
	setPath(q, path)
	return get[Entry](ctx, c, under(points, point, "Entry"), q)
}

// History returns the versions of a path in a repository, oldest first; with a
// host only that machine's. When restore points say nothing about the path, because
// the repository has lost folders on the way, the last pair holds an *IncompleteError.
func (c *Client) History(ctx context.Context, repository syncline.ID, path, host string) iter.Seq2[Version, error] {
	q := url.Values{}
	setPath(q, path)
	set(q, "host", host)
	return func(yield func(Version, error) bool) {
		var missing IncompleteError
		all := pages(paged[VersionPage](ctx, c, under("BackupRepositories", repository, "History"), q), func(p VersionPage) ([]Version, string) {
			missing.RestorePoints = p.UnknownRestorePoints
			return p.Results, p.NextCursor
		})
		for v, err := range all {
			if !yield(v, err) {
				return
			}
			if err != nil {
				return
			}
		}
		if missing.RestorePoints > 0 {
			yield(Version{}, &missing)
		}
	}
}

// DifferencesQuery says what is compared.
type DifferencesQuery struct {
	Path string     // of the folder; "" for the root
	Kind ChangeKind // only these; "" for all
}

// Differences returns what differs from one restore point to another one of the
// same repository, each folder before what is in it.
func (c *Client) Differences(ctx context.Context, before, after syncline.ID, query DifferencesQuery) iter.Seq2[Difference, error] {
	q := url.Values{"with": {string(after)}}
	setPath(q, query.Path)
	set(q, "kind", string(query.Kind))
	return pages(paged[DifferencePage](ctx, c, under(points, before, "Differences"), q),
		func(p DifferencePage) ([]Difference, string) { return p.Results, p.NextCursor })
}

// DifferenceSummary counts what differs from one restore point to another one
// below a folder; path is "" for the root.
func (c *Client) DifferenceSummary(ctx context.Context, before, after syncline.ID, path string) (DifferenceSummary, error) {
	q := url.Values{"with": {string(after)}}
	setPath(q, path)
	return get[DifferenceSummary](ctx, c, under(points, before, "DifferenceSummary"), q)
}

// rawOf returns the bytes of a text, of which raw has them in Base64 where the
// text differs from them.
func rawOf(text, raw string) string {
	if raw == "" {
		return text
	}
	b, err := base64.StdEncoding.DecodeString(raw)
	if err != nil {
		return text
	}
	return string(b)
}

// NameBytes returns the name as the backed-up machine had it.
func (e *Entry) NameBytes() string { return rawOf(e.Name, e.RawName) }

// PathBytes returns the path as the backed-up machine had it.
func (e *Entry) PathBytes() string { return rawOf(e.Path, e.RawPath) }

// LinkTargetBytes returns a link's target as the backed-up machine had it.
func (e *Entry) LinkTargetBytes() string { return rawOf(e.LinkTarget, e.RawLinkTarget) }

// PathBytes returns the path as the backed-up machine had it.
func (d *Difference) PathBytes() string { return rawOf(d.Path, d.RawPath) }

// PathBytes returns the path as the backed-up machine had it.
func (v *FoundVersion) PathBytes() string { return rawOf(v.Path, v.RawPath) }

// PathBytes returns the path as the backed-up machine had it.
func (f *LargeFile) PathBytes() string { return rawOf(f.Path, f.RawPath) }

// PathBytes returns the path as the backed-up machine had it.
func (f *LargeFolder) PathBytes() string { return rawOf(f.Path, f.RawPath) }

// IsDir reports whether the entry is a folder.
func (e *Entry) IsDir() bool { return e.Type == string(syncline.TypeDir) }

// typeBits are the bits that os.FileMode has for a type.
var typeBits = map[syncline.EntryType]fs.FileMode{
	syncline.TypeDir: fs.ModeDir, syncline.TypeSymlink: fs.ModeSymlink, syncline.TypeDevice: fs.ModeDevice,
	syncline.TypeCharDev: fs.ModeDevice | fs.ModeCharDevice, syncline.TypeFifo: fs.ModeNamedPipe,
	syncline.TypeSocket: fs.ModeSocket, syncline.TypeIrregular: fs.ModeIrregular,
}

// FileMode returns type and permissions as package os has them.
func (e *Entry) FileMode() fs.FileMode {
	mode := typeBits[syncline.EntryType(e.Type)]
	n, err := strconv.ParseUint(e.Permissions, 8, 16)
	if err != nil {
		return mode
	}
	mode |= fs.FileMode(n).Perm()
	for bit, to := range map[uint64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if n&bit != 0 {
			mode |= to
		}
	}
	return mode
}

// setTime adds a time that is not zero.
func setTime(q url.Values, name string, t time.Time) {
	if !t.IsZero() {
		q.Set(name, t.UTC().Format(time.RFC3339Nano))
	}
}
