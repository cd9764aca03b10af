// Package static serves files that are part of the program. All clients share
// one copy of each file, which is sent in chunks, so a slow client holds no
// memory of its own.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// chunk is the number of bytes of one write.
const chunk = 64 << 10

// File is a file in its forms for sending. It is safe for concurrent use.
type File struct {
	// Header is set on every answer with the file.
	Header map[string]string

	etag  string
	small func() []byte // compressed with gzip; nil if that gains nothing
	plain func() ([]byte, error)
}

// New makes a file. The first request has it compressed, for all requests after it: a
// compressor takes a megabyte, and a server has many files that nobody may ask for.
func New(data []byte, header map[string]string) *File {
	return &File{
		Header: header, etag: etag(data),
		small: sync.OnceValue(func() []byte { return compress(data) }),
		plain: func() ([]byte, error) { return data, nil },
	}
}

// compress returns nil if it gains less than a tenth.
func compress(data []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(data)
		err = errors.Join(err, z.Close())
	}
	if err != nil || b.Len() >= len(data)*9/10 { // a buffer takes everything
		return nil
	}
	return bytes.Clone(b.Bytes()) // drops spare capacity
}

// NewCompressed makes a file from bytes that gzip has compressed. The first
// client that needs the plain form has it inflated, for all clients after it.
func NewCompressed(small []byte, header map[string]string) *File {
	return &File{Header: header, etag: etag(small), small: func() []byte { return small }, plain: sync.OnceValues(func() ([]byte, error) {
		z, err := gzip.NewReader(bytes.NewReader(small))
		if err != nil {
			return nil, fmt.Errorf("inflate a file of the program: %w", err)
		}
		data, err := io.ReadAll(z)
		return bytes.Clone(data), errors.Join(err, z.Close()) // drops spare capacity
	})}
}

func etag(data []byte) string {
	sum := sha256.Sum256(data)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}

// ServeHTTP answers GET and HEAD.
func (f *File) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for name, value := range f.Header {
		h.Set(name, value)
	}
	h.Set("ETag", f.etag)
	data := f.small()
	if data != nil {
		h.Set("Vary", "Accept-Encoding")
	}
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if data != nil && acceptsGzip(r.Header) {
		h.Set("Content-Encoding", "gzip")
	} else {
		var err error
		if data, err = f.plain(); err != nil { // the file is part of the program
			panic(err)
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	for len(data) > 0 {
		n, err := w.Write(data[:min(len(data), chunk)])
		if err != nil {
			return // the client's connection failed
		}
		data = data[n:]
	}
}

func acceptsGzip(h http.Header) bool {
	for part := range strings.SplitSeq(h.Get("Accept-Encoding"), ",") {
		coding, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(coding, "gzip") && strings.ReplaceAll(q, " ", "") != "q=0" {
			return true
		}
	}
	return false
}
