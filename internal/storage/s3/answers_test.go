package s3_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/s3"
	"syncline.dev/syncline/internal/storage/storagetest"
)

// answer is a server that gives every request the same answer.
func answer(t *testing.T, status int, header http.Header, body string) s3.Config {
	t.Helper()
	return s3.Config{Endpoint: storagetest.Answering(t, status, header, body), Bucket: "bucket", Region: "us-east-1", AccessKey: "AKIATESTONLY", SecretKey: "not-to-be-told"}
}

// TestAnswers has answers that no test server gives.
func TestAnswers(t *testing.T) {
	inXML := http.Header{"Content-Type": {"application/xml"}}
	failed := func(code string) string {
		return "<Error><Code>" + code + "</Code><Message>free text</Message><Region>eu-north-1</Region></Error>"
	}
	const start = `<ListBucketResult><Name>bucket</Name><IsTruncated>false</IsTruncated>`
	tests := []struct {
		label     string
		status    int
		header    http.Header
		body      string
		code      syncline.Code
		retryable bool
		message   string
		listOnly  bool
	}{
		{"a web site", 200, http.Header{"Content-Type": {"text/html"}}, "<html><body>Hello</body></html>", syncline.CodeInvalid, true, "does not answer like an S3 server", true},
		{"a missing page", 404, http.Header{"Content-Type": {"text/html"}}, "not found", syncline.CodeInvalid, true, "does not answer like an S3 server", false},
		{"another document", 200, inXML, "<Other/>", syncline.CodeInvalid, true, "does not answer like an S3 server", true},
		{"cut off", 200, inXML, start + "<Contents><Key>snapsh", syncline.CodeUnavailable, true, "is cut off", true},
		{"other files", 200, inXML, start + "<Contents><Key>keys/a</Key><Size>1</Size></Contents></ListBucketResult>", syncline.CodeUnavailable, true, "not asked for", true},
		{"a circle", 200, inXML, strings.Replace(start, "false", "true", 1) + "<NextContinuationToken>again</NextContinuationToken></ListBucketResult>", syncline.CodeUnavailable, true, "repeats a page", true},
		{"no way on", 200, inXML, strings.Replace(start, "false", "true", 1) + "</ListBucketResult>", syncline.CodeUnavailable, true, "not where", true},
		{"busy", 503, inXML, failed("SlowDown"), syncline.CodeUnavailable, true, "cannot answer now", false},
		{"too many", 429, nil, "", syncline.CodeUnavailable, true, "cannot answer now", false},
		{"too many in other words", 400, inXML, failed("ThrottlingException"), syncline.CodeUnavailable, true, "cannot answer now", false},
		{"broken", 500, inXML, failed("InternalError"), syncline.CodeUnavailable, true, "cannot answer now", false},
		{"clock", 403, http.Header{"Content-Type": {"application/xml"}, "Date": {"Mon, 01 Jan 2024 00:00:00 GMT"}}, failed("RequestTimeTooSkewed"), syncline.CodeUnavailable, false, "clock differs from the storage's by", false},
		{"region", 400, inXML, failed("AuthorizationHeaderMalformed"), syncline.CodeInvalid, false, "give the region eu-north-1", false},
		{"expired", 400, inXML, failed("ExpiredToken"), syncline.CodeForbidden, false, "temporary credentials have expired", false},
		{"no right", 403, inXML, failed("AccessDenied"), syncline.CodeForbidden, false, "these credentials may not", false},
		{"something new", 418, inXML, failed("Teapot"), syncline.CodeUnavailable, false, `refused a request with "Teapot"`, false},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			c := answer(t, tt.status, tt.header, tt.body)
			_, listErr := listed(t, open(t, c))
			_, openErr := storagetest.ReadAll(t.Context(), open(t, c), "config", 0, -1)
			storagetest.CheckRefusal(t, "List", listErr, tt.code, tt.retryable, tt.message, c.SecretKey, "free text")
			if !tt.listOnly {
				storagetest.CheckRefusal(t, "Open", openErr, tt.code, tt.retryable, tt.message, c.SecretKey, "free text")
			}
		})
	}
}

func listed(t *testing.T, s storage.Storage) (n int, err error) {
	t.Helper()
	err = s.List(t.Context(), "snapshots", func(string, int64) error {
		n++
		return nil
	})
	return n, err
}

// TestArchived reads an object of an archive class.
func TestArchived(t *testing.T) {
	c := answer(t, 403, http.Header{"Content-Type": {"application/xml"}}, "<Error><Code>InvalidObjectState</Code></Error>")
	counter := storage.NewCounter(open(t, c))
	retry := storage.NewRetry(counter, storage.RetryOptions{})
	_, err := storagetest.ReadAll(t.Context(), retry, "data/ab/pack", 0, 10)
	if !errors.Is(err, storage.ErrArchived) || !strings.Contains(syncline.MessageOf(err), "bring it back") {
		t.Errorf("%v, want ErrArchived", err)
	}
	if requests, _, _ := counter.Counts(); requests["get data"] != 1 {
		t.Errorf("%v; an archived object must be asked for once", requests)
	}
}

// TestTooShort reads beyond the end of an object. If the storage says where the
// object ends, there is no further request.
func TestTooShort(t *testing.T) {
	for of, want := range map[string]int{"10": 1, "100": 2, "*": 2} {
		c := answer(t, 206, http.Header{"Content-Range": {"bytes 0-9/" + of}, "Last-Modified": {"Mon, 01 Jan 2024 00:00:00 GMT"}}, "0123456789")
		events := 0
		retry := storage.NewRetry(open(t, c), storage.RetryOptions{MinDelay: time.Millisecond, OnEvent: func(storage.Event) { events++ }})
		got, err := storagetest.ReadAll(t.Context(), retry, "data/ab/pack", 0, 20)
		if errors.Is(err, storage.ErrTooShort) != (want == 1) || !bytes.HasPrefix(got, []byte("0123456789")) || events != want-1 {
			t.Errorf("of %s: %q, %v, %d tries again; want %d", of, got, err, events, want-1)
		}
	}
	c := answer(t, 416, http.Header{"Content-Type": {"application/xml"}}, "<Error><Code>InvalidRange</Code></Error>")
	retry := storage.NewRetry(open(t, c), storage.RetryOptions{OnEvent: func(e storage.Event) { t.Errorf("asked again: %+v", e) }})
	if _, err := storagetest.ReadAll(t.Context(), retry, "data/ab/pack", 10, 20); !errors.Is(err, storage.ErrTooShort) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("behind the end: %v", err)
	}
}

// A web site's page in place of an object, or of a part of it, is a fault to
// retry.
func TestPageInPlaceOfAnObject(t *testing.T) {
	page := http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Last-Modified": {"Mon, 02 Mar 2026 10:00:00 GMT"}, "Etag": {`"66e1c1a0-78"`}}
	for _, body := range []string{"<!DOCTYPE html>\n<html><body>Please sign in.</body></html>", "\n <html></html>"} {
		c := answer(t, http.StatusOK, page, body)
		for _, part := range [][2]int64{{0, -1}, {0, 5}, {7, -1}, {7, 5}} {
			_, err := storagetest.ReadAll(t.Context(), open(t, c), "config", part[0], part[1])
			if !errors.Is(err, storage.ErrStranger) || !storage.IsRetryable(err) {
				t.Errorf("%q from %d, %d bytes: %v", body, part[0], part[1], err)
			}
		}
	}
	plain := http.Header{"Last-Modified": page["Last-Modified"], "Etag": page["Etag"]}
	for _, body := range []string{"", "<", "<htm", "{}", strings.Repeat("x", 1000)} {
		got, err := storagetest.ReadAll(t.Context(), open(t, answer(t, http.StatusOK, plain, body)), "config", 0, -1)
		if err != nil || string(got) != body {
			t.Errorf("%q came as %q, %v", body, got, err)
		}
	}
}
