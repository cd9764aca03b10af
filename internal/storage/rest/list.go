package rest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// Types of a listing. The first version has names alone, the second one also
// sizes.
const (
	version1 = "application/vnd.x.restic.rest.v1"
	version2 = "application/vnd.x.restic.rest.v2"
)

// folders are those that the protocol lists.
var folders = []string{"data", "index", "keys", "locks", "snapshots"}

// maxNames bounds the names of a listing of the first version, which are held
// while their sizes are asked for.
const maxNames = 1 << 20

// batch is the number of files whose sizes are asked for before they are told.
const batch = 256

// List implements storage.Storage. A missing folder matches fs.ErrNotExist.
func (s *Storage) List(ctx context.Context, dir string, fn func(name string, size int64) error) error {
	if err := storage.CheckDir(dir); err != nil {
		return err
	}
	if !slices.Contains(folders, dir) {
		return syncline.Errorf(syncline.CodeUnsupported, "the REST protocol lists the folders of a repository only, and not %q", dir)
	}
	callCtx, call := objects.Listing(ctx)
	resp, err := s.do(callCtx, call, http.MethodGet, dir+"/", "")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return s.listFailed(ctx, call, dir)
	}
	body := &entryReader{base: resp.Body}
	l := listing{storage: s, ctx: ctx, call: call, dir: dir, body: body, document: json.NewDecoder(body)}
	if call.Header("Content-Type") == version2 {
		return l.withSizes(fn)
	}
	names, err := l.names()
	if err != nil {
		return err
	}
	return s.findSizes(ctx, dir, names, fn)
}

// listing reads the document of one listing.
type listing struct {
	storage  *Storage
	ctx      context.Context
	call     *objects.Call
	dir      string
	body     *entryReader
	document *json.Decoder
}

// maxEntry bounds the bytes that are read for one entry of a listing, because the decoder
// holds an entry as a whole.
const maxEntry = 64 << 10

// entryReader ends a document with an entry that is too long.
type entryReader struct {
	base io.Reader
	used int // bytes that were read since the last entry
}

func (r *entryReader) tooLong() bool { return r.used >= maxEntry }

// Read implements io.Reader.
func (r *entryReader) Read(p []byte) (int, error) {
	if r.tooLong() {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := r.base.Read(p[:min(len(p), maxEntry-r.used)])
	r.used += n
	return n, err
}

// withSizes reads a listing of the second version.
func (l *listing) withSizes(fn func(name string, size int64) error) error {
	_, err := l.each(func() error {
		var file struct {
			Name string `json:"name"`
			Size *int64 `json:"size"`
		}
		if err := l.document.Decode(&file); err != nil {
			return l.broken()
		}
		name, ok := l.nameOf(file.Name)
		if !ok || file.Size == nil || *file.Size < 0 {
			return storage.Incomplete(l.dir, "gives files that were not asked for")
		}
		return fn(name, *file.Size)
	})
	return err
}

// names reads a listing of the first version. An empty one counts only if its
// type says that it is a listing, because another program may have made it.
func (l *listing) names() (names []string, err error) {
	n, err := l.each(func() error {
		var base string
		if err := l.document.Decode(&base); err != nil {
			return l.broken()
		}
		name, ok := l.nameOf(base)
		if !ok {
			return storage.Incomplete(l.dir, "gives files that were not asked for")
		}
		if len(names) >= maxNames {
			return syncline.Errorf(syncline.CodeTooLarge, "the REST server at %s lists more than %d files of %q without their sizes; install a later version of it", l.storage.name, maxNames, l.dir)
		}
		names = append(names, name)
		return nil
	})
	if err == nil && n == 0 && !l.isTyped() && !strings.Contains(l.call.Header("Content-Type"), "json") {
		err = l.storage.stranger(l.call.Answer(""))
	}
	return names, err
}

// each calls read for every element of the document, which is an array and
// nothing else, and returns their number.
func (l *listing) each(read func() error) (n int, err error) {
	start, err := l.document.Token()
	if err == nil && start == nil && l.isTyped() {
		return 0, nil // null is how some servers write an empty array
	}
	if err != nil || start != json.Delim('[') {
		return 0, l.broken()
	}
	for ; l.document.More(); n++ {
		if err := l.ctx.Err(); err != nil {
			return n, err
		}
		l.body.used = 0
		if err := read(); err != nil {
			return n, err
		}
	}
	if _, err := l.document.Token(); err != nil {
		return n, l.broken()
	}
	if _, err := l.document.Token(); !errors.Is(err, io.EOF) {
		return n, l.broken()
	}
	return n, l.ctx.Err()
}

// broken returns the error of a document that is no whole listing.
func (l *listing) broken() error {
	if trouble := l.call.Trouble(l.ctx); trouble != nil {
		return trouble
	}
	if l.body.tooLong() {
		return storage.Incomplete(l.dir, "has an entry that is longer than that of a file")
	}
	if l.isTyped() {
		return storage.Incomplete(l.dir, "is cut off")
	}
	return l.storage.stranger(l.call.Answer(""))
}

// isTyped reports whether the answer says that it is a listing.
func (l *listing) isTyped() bool {
	t := l.call.Header("Content-Type")
	return t == version1 || t == version2
}

// nameOf returns a file's name in the repository. ok is false for a text that is
// no name in this folder.
func (l *listing) nameOf(base string) (name string, ok bool) {
	name = l.dir + "/" + base
	if l.dir == "data" && len(base) >= 2 {
		name = l.dir + "/" + base[:2] + "/" + base
	}
	return name, !strings.Contains(base, "/") && storage.CheckName(name) == nil
}

// findSizes asks for the size of each file, several at once. Servers answer for
// the names that restic gives and for no others, so that the size of another
// name counts as 0.
func (s *Storage) findSizes(ctx context.Context, dir string, names []string, fn func(name string, size int64) error) error {
	for some := range slices.Chunk(names, batch) {
		sizes := make([]int64, len(some))
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(s.connections)
		for i, name := range some {
			if !isHash(name[strings.LastIndexByte(name, '/')+1:]) {
				continue
			}
			g.Go(func() (err error) {
				sizes[i], err = s.size(gctx, name)
				if errors.Is(err, fs.ErrNotExist) {
					err = storage.Incomplete(dir, "names a file that is not there")
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for i, name := range some {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := fn(name, sizes[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func isHash(name string) bool {
	return len(name) == 64 && strings.Trim(name, "0123456789abcdef") == ""
}
