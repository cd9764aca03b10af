package api

import (
	"context"
	"encoding/base64"
	"io/fs"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/explore"
)

// defaultLimit is how many results a page has by default.
const defaultLimit = 100

// entryReader reads what is in restore points. Errors are CodeNotFound for an
// unknown restore point or path, CodeInvalid for a path or cursor that cannot be,
// CodeTooLarge.
type entryReader interface {
	Entries(ctx context.Context, point syncline.ID, q explore.EntriesQuery) (explore.EntryPage, error)
	// Entry returns one entry, and a text that is equal for equal contents.
	Entry(ctx context.Context, point syncline.ID, path string) (syncline.Entry, string, error)
}

// entries answers for the files and folders in a restore point.
type entries struct{ explorer entryReader }

// ListEntries answers GET /v6/RestorePoints/{restorePointId}/Entries.
func (h *entries) ListEntries(ctx context.Context, req v6.ListEntriesRequestObject) (v6.ListEntriesResponseObject, error) {
	p := req.Params
	folder, err := pathOf(p.Path, p.RawPath)
	if err != nil {
		return nil, err
	}
	q := explore.EntriesQuery{Path: folder, FoldersFirst: deref(p.FoldersFirst), Recursive: deref(p.Recursive), Limit: limitOf(p.Limit), Cursor: deref(p.Cursor)}
	if p.Sort != nil {
		q.Sort = string(*p.Sort)
	}
	q.Offset = deref(p.Offset)
	if q.Find, err = nameOf(p.Find, p.RawFind); err != nil {
		return nil, err
	}
	q.Descending = p.Order != nil && *p.Order == "desc"
	page, err := h.explorer.Entries(ctx, req.RestorePointID, q)
	if err != nil {
		return nil, err
	}
	answer := v6.ListEntries200JSONResponse{Total: page.Total, Offset: page.Offset, Results: make([]v6.Entry, len(page.Entries)), NextCursor: present(page.Next)}
	answer.Path, answer.RawPath = textOf(page.Path)
	for i := range page.Entries {
		at := page.Path + "/" + page.Entries[i].Name
		if page.Paths != nil {
			at = page.Paths[i]
		}
		answer.Results[i] = entryJSON(at, &page.Entries[i])
	}
	return answer, nil
}

// GetEntry answers GET /v6/RestorePoints/{restorePointId}/Entry.
func (h *entries) GetEntry(ctx context.Context, req v6.GetEntryRequestObject) (v6.GetEntryResponseObject, error) {
	at, err := pathOf(req.Params.Path, req.Params.RawPath)
	if err != nil {
		return nil, err
	}
	e, contentID, err := h.explorer.Entry(ctx, req.RestorePointID, at)
	if err != nil {
		return nil, err
	}
	answer := entryJSON(at, &e)
	answer.ContentID = &contentID
	return v6.GetEntry200JSONResponse(answer), nil
}

// pathOf returns the path that a request names, as bytes. It is absolute; ""
// stands for the root.
func pathOf(plain, raw *string) (string, error) {
	if plain != nil && raw != nil {
		return "", invalid("path and rawPath are both given; leave one of the two out")
	}
	at, ok := bytesOf(plain, raw)
	if !ok {
		return "", invalid("rawPath must be Base64")
	}
	if at != "" && at[0] != '/' {
		return "", invalid("path must be absolute; begin it with a slash")
	}
	if strings.ContainsRune(at, 0) {
		return "", invalid("path must not hold NUL characters")
	}
	return at, nil
}

// nameOf returns the name at which a page begins, as bytes; "" for none.
func nameOf(plain, raw *string) (string, error) {
	if plain != nil && raw != nil {
		return "", invalid("find and rawFind are both given; leave one of the two out")
	}
	name, ok := bytesOf(plain, raw)
	if !ok {
		return "", invalid("rawFind must be Base64")
	}
	return name, nil
}

// bytesOf returns a text, or else the bytes that raw has in Base64.
func bytesOf(plain, raw *string) (s string, ok bool) {
	if raw == nil {
		return deref(plain), true
	}
	text := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(*raw, "="))
	b, err := base64.RawStdEncoding.DecodeString(text)
	return string(b), err == nil
}

func limitOf(limit *int) int {
	if limit == nil {
		return defaultLimit
	}
	return *limit
}

// textOf returns s in the form that JSON can carry. Where that differs from s, raw has
// the bytes in Base64.
func textOf(s string) (text string, raw *string) {
	if utf8.ValidString(s) {
		return s, nil
	}
	b := base64.StdEncoding.EncodeToString([]byte(s))
	return strings.ToValidUTF8(s, "\uFFFD"), &b
}

// entryJSON is an entry in v6's form. The path may have superfluous slashes.
func entryJSON(at string, e *syncline.Entry) v6.Entry {
	if strings.Contains(at, "//") || strings.HasSuffix(at, "/") || !strings.HasPrefix(at, "/") {
		at = "/" + strings.Join(strings.FieldsFunc(at, func(r rune) bool { return r == '/' }), "/")
	}
	answer := v6.Entry{
		Type: strings.ToValidUTF8(string(e.Type), "\uFFFD"), Size: signed(e.Size),
		Mode: modeText(e), Permissions: permissions(e.Mode),
		ModifyTime: entryTime(e.ModTime), AccessTime: entryTime(e.AccessTime), ChangeTime: entryTime(e.ChangeTime),
		Uid: int64(e.UID), Gid: int64(e.GID),
		User: presentText(e.User), Group: presentText(e.Group), Error: presentText(e.Error),
		Inode: presentNumber(e.Inode), Links: presentNumber(e.Links), Device: presentNumber(e.Device), DeviceID: presentNumber(e.DeviceID),
		ContentMissing: present(e.Lost),
	}
	answer.Name, answer.RawName = textOf(e.Name)
	answer.Path, answer.RawPath = textOf(at)
	if e.LinkTarget != "" {
		target, raw := textOf(e.LinkTarget)
		answer.LinkTarget, answer.RawLinkTarget = &target, raw
	}
	if len(e.ExtendedAttributes) > 0 {
		list := make([]v6.EntryAttribute, len(e.ExtendedAttributes))
		for i, x := range e.ExtendedAttributes {
			list[i] = v6.EntryAttribute{Name: strings.ToValidUTF8(x.Name, "\uFFFD"), Value: x.Value}
		}
		answer.ExtendedAttributes = &list
	}
	if len(e.GenericAttributes) > 0 {
		list := make([]v6.EntryAttribute, len(e.GenericAttributes))
		for i, x := range e.GenericAttributes {
			list[i] = v6.EntryAttribute{Name: strings.ToValidUTF8(x.Name, "\uFFFD"), Value: x.Value}
		}
		answer.GenericAttributes = &list
	}
	return answer
}

// signed caps a number at the greatest that JSON schemas and most programs take.
func signed(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

func presentNumber(n uint64) *int64 {
	if n == 0 {
		return nil
	}
	s := signed(n)
	return &s
}

func presentText(s string) *string { return present(strings.ToValidUTF8(s, "\uFFFD")) }

// entryTime returns nil for a time that RFC 3339 cannot write.
func entryTime(t time.Time) *time.Time {
	t = t.UTC()
	if t.IsZero() || t.Year() < 0 || t.Year() > 9999 {
		return nil
	}
	return &t
}

// permissions are those of chmod, in octal digits.
func permissions(m fs.FileMode) string {
	n := uint32(m.Perm())
	for _, special := range specialBits {
		if m&special.bit != 0 {
			n |= special.chmod
		}
	}
	return string([]byte{'0' + byte(n>>9&7), '0' + byte(n>>6&7), '0' + byte(n>>3&7), '0' + byte(n&7)})
}

// specialBits are the mode's bits beside the nine permissions: the number that chmod
// has for them, and the letters that ls shows in place of an x or a dash.
var specialBits = [...]struct {
	bit   fs.FileMode
	chmod uint32
	at    int
	x, no byte
}{{fs.ModeSetuid, 0o4000, 3, 's', 'S'}, {fs.ModeSetgid, 0o2000, 6, 's', 'S'}, {fs.ModeSticky, 0o1000, 9, 't', 'T'}}

// typeLetters are the first letters of a mode in ls; '-' stands for all other types.
var typeLetters = map[syncline.EntryType]byte{
	syncline.TypeDir: 'd', syncline.TypeSymlink: 'l', syncline.TypeDevice: 'b',
	syncline.TypeCharDev: 'c', syncline.TypeFifo: 'p', syncline.TypeSocket: 's',
}

// modeText is the mode in the form of ls -l.
func modeText(e *syncline.Entry) string {
	text := []byte("-rwxrwxrwx")
	if c, ok := typeLetters[e.Type]; ok {
		text[0] = c
	}
	for i := range 9 {
		if e.Mode&(1<<(8-i)) == 0 {
			text[1+i] = '-'
		}
	}
	for _, special := range specialBits {
		if e.Mode&special.bit == 0 {
			continue
		}
		if text[special.at] == 'x' {
			text[special.at] = special.x
		} else {
			text[special.at] = special.no
		}
	}
	return string(text)
}
