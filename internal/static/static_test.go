package static

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// get returns the answer to a request with some of the headers.
func get(f *File, method, accept, tag string) *http.Response {
	r := httptest.NewRequest(method, "/", nil)
	r.Header.Set("Accept-Encoding", accept)
	r.Header.Set("If-None-Match", tag)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Result()
}

// TestForms asks for a file in each form, from many clients at once.
func TestForms(t *testing.T) {
	data := []byte(strings.Repeat("the page of a console\n", 10_000))
	f := New(data, map[string]string{"X-Of": "the file"})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, accept := range []string{"gzip", ""} {
				head, res := get(f, http.MethodHead, accept, ""), get(f, http.MethodGet, accept, "")
				sent, _ := io.ReadAll(res.Body)
				if res.Header.Get("Content-Length") != strconv.Itoa(len(sent)) || head.Header.Get("Content-Length") != strconv.Itoa(len(sent)) {
					t.Errorf("%q: %d bytes with the length %s, and %s for HEAD", accept, len(sent), res.Header.Get("Content-Length"), head.Header.Get("Content-Length"))
				}
				if res.Header.Get("Content-Encoding") != accept || res.Header.Get("Vary") != "Accept-Encoding" || res.Header.Get("X-Of") == "" {
					t.Errorf("%q: the headers are %v", accept, res.Header)
				}
				if accept == "gzip" {
					z, err := gzip.NewReader(bytes.NewReader(sent))
					if err != nil || len(sent) >= len(data)/10 {
						t.Errorf("the compressed form has %d bytes (%v)", len(sent), err)
						continue
					}
					sent, _ = io.ReadAll(z)
				}
				if !bytes.Equal(sent, data) {
					t.Errorf("%q: the file is another one", accept)
				}
				if same := get(f, http.MethodGet, accept, res.Header.Get("ETag")); same.StatusCode != http.StatusNotModified || same.Header.Get("Vary") == "" {
					t.Errorf("%q: a client that has the file gets %d with %v", accept, same.StatusCode, same.Header)
				}
			}
		})
	}
	wg.Wait()
	if res := get(New([]byte("x"), nil), http.MethodGet, "gzip", ""); res.Header.Get("Content-Encoding") != "" || res.Header.Get("Vary") != "" {
		t.Errorf("a file that cannot be compressed is sent with %v", res.Header)
	}
}

// TestNewCompressesNothing bounds what a start allocates for a file: no compressor.
func TestNewCompressesNothing(t *testing.T) {
	data := make([]byte, 1<<20)
	if b := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			New(data, nil)
		}
	}).AllocedBytesPerOp(); b > 4096 {
		t.Errorf("a file that nobody asked for takes %d bytes beside its content", b)
	}
}
