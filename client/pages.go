package client

import (
	"context"
	"encoding/base64"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// LeftOutError says that an answer leaves repositories out, because the server
// has no catalog of them to answer from.
type LeftOutError struct {
	Repositories []string // their ids; the last one can be how many more there are
}

// Error names what is left out.
func (e *LeftOutError) Error() string {
	return fmt.Sprintf("the server could not answer for the repositories %s; synchronize them", strings.Join(e.Repositories, ", "))
}

// each makes a list of another one; nil of nil.
func each[W, T any](list []W, from func(W) T) []T {
	if list == nil {
		return nil
	}
	out := make([]T, len(list))
	for i := range list {
		out[i] = from(list[i])
	}
	return out
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

// setPath adds a path, in Base64 when JSON could not carry it.
func setPath(q url.Values, path string) {
	if utf8.ValidString(path) {
		set(q, "path", path)
		return
	}
	q.Set("rawPath", base64.RawURLEncoding.EncodeToString([]byte(path)))
}

// setTime adds a time that is not zero.
func setTime(q url.Values, name string, t time.Time) {
	if !t.IsZero() {
		q.Set(name, t.UTC().Format(time.RFC3339Nano))
	}
}

// bytesOf returns the bytes of a text, of which raw has them in Base64 where the
// text differs from them.
func bytesOf(text, raw string) string {
	if raw == "" {
		return text
	}
	b, err := base64.StdEncoding.DecodeString(raw)
	if err != nil {
		return text
	}
	return string(b)
}
