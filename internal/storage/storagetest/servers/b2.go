package servers

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // Backblaze's own sum of a file
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// B2 stands in for Backblaze's native API, as far as it lists and downloads. No
// server with that API can be installed. It has the versions 1 to 3 of the API:
// their sign-ins differ. It is known to restic's own library, blazer.
type B2 struct {
	URL   string // over http
	ID    string // of an application key that may do all
	Key   string
	CA    []byte // PEM: the certificate of Backblaze's names at Proxy
	Proxy string // leads Backblaze's own names here, over https

	mu      sync.Mutex
	buckets map[string]map[string][]byte
	keys    map[string]B2Key // by their ids
	tokens  map[string]B2Key
	issued  int
	calls   map[string]int
	down    bool
	watch   func(path string)
}

// B2Key is an application key and what it is limited to.
type B2Key struct {
	ID, Key        string
	Bucket, Prefix string // "" for no limit
	Capabilities   []string
}

// StartB2 starts a B2 for the test.
func StartB2(t testing.TB) *B2 {
	t.Helper()
	b := &B2{
		ID: "0012ab34", Key: "K001not-to-be-told", buckets: map[string]map[string][]byte{},
		keys: map[string]B2Key{}, tokens: map[string]B2Key{}, calls: map[string]int{},
	}
	b.Allow(B2Key{ID: b.ID, Key: b.Key, Capabilities: []string{"listBuckets", "listFiles", "readFiles"}})
	plain := httptest.NewServer(b)
	t.Cleanup(plain.Close)
	b.URL = plain.URL
	secure := httptest.NewUnstartedServer(b)
	secure.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{b.certify(t)}}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	b.Proxy = StartProxy(t, secure.URL).URL
	return b
}

func (b *B2) certify(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		DNSNames: []string{"*.backblazeb2.com"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	b.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Allow adds an application key.
func (b *B2) Allow(k B2Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keys[k.ID] = k
}

// Put makes a missing bucket, and files in a folder of it. The folder "" is the
// bucket's root.
func (b *B2) Put(bucket, folder string, files map[string][]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buckets[bucket] == nil {
		b.buckets[bucket] = map[string][]byte{}
	}
	if folder != "" {
		folder += "/"
	}
	for name, content := range files {
		b.buckets[bucket][folder+name] = content
	}
}

// Down makes every request fail as one to a service that is away, until Down(false).
// The tokens are forgotten.
func (b *B2) Down(down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = down
	clear(b.tokens)
}

// Watch tells fn of each request before it is answered.
func (b *B2) Watch(fn func(path string)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watch = fn
}

// Forget ends every token.
func (b *B2) Forget() { b.Down(false) }

// Calls returns the number of calls so far, by the names that Backblaze bills.
func (b *B2) Calls() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.calls)
}

// ServeHTTP implements http.Handler.
func (b *B2) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	watch := b.watch
	b.mu.Unlock()
	if watch != nil {
		watch(r.URL.Path)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		refuseB2(w, http.StatusServiceUnavailable, "service_unavailable")
		return
	}
	if strings.HasPrefix(r.URL.Path, "/file/") {
		b.calls["b2_download_file_by_name"]++
		b.download(w, r)
		return
	}
	version, call, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/b2api/"), "/")
	b.calls[call]++
	switch {
	case !slices.Contains([]string{"v1", "v2", "v3"}, version):
		refuseB2(w, http.StatusBadRequest, "bad_request")
	case call == "b2_authorize_account":
		b.authorize(w, r, version)
	case call == "b2_list_buckets" && r.Method == http.MethodPost:
		b.listBuckets(w, r)
	case call == "b2_list_file_names" && r.Method == http.MethodPost:
		b.listNames(w, r)
	case call == "b2_get_file_info" && r.Method == http.MethodPost:
		b.fileInfo(w, r)
	default:
		refuseB2(w, http.StatusBadRequest, "bad_request")
	}
}

func refuseB2(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"status":%d,"code":%q,"message":"free text not-to-be-told"}`, status, code)
}

func tell(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	_ = json.NewEncoder(w).Encode(answer)
}

func (b *B2) authorize(w http.ResponseWriter, r *http.Request, version string) {
	id, secret, _ := r.BasicAuth()
	key, known := b.keys[id]
	if !known || key.Key != secret {
		refuseB2(w, http.StatusUnauthorized, "unauthorized")
		return
	}
	b.issued++
	token := fmt.Sprintf("4_%06d_token-not-to-be-told", b.issued)
	b.tokens[token] = key
	api, download := "http://"+r.Host, "http://"+r.Host
	if r.TLS != nil {
		api, download = "https://api001.backblazeb2.com", "https://f001.backblazeb2.com"
	}
	allowed := map[string]any{"capabilities": key.Capabilities, "bucketId": nil, "bucketName": nil, "namePrefix": nil}
	if key.Bucket != "" {
		allowed["bucketId"], allowed["bucketName"] = idOfB2(key.Bucket), key.Bucket
	}
	if key.Prefix != "" {
		allowed["namePrefix"] = key.Prefix
	}
	urls := map[string]any{"apiUrl": api, "downloadUrl": download, "s3ApiUrl": "https://s3.us-west-001.backblazeb2.com", "recommendedPartSize": 100000000, "absoluteMinimumPartSize": 5000000}
	answer := map[string]any{"accountId": "ab34", "authorizationToken": token}
	if version == "v3" {
		maps.Copy(urls, allowed)
		urls["infoType"] = "storageApi"
		answer["apiInfo"] = map[string]any{"storageApi": urls}
	} else {
		maps.Copy(answer, urls)
		answer["allowed"] = allowed
	}
	tell(w, answer)
}

func idOfB2(bucket string) string { return fmt.Sprintf("id%x", bucket) }

// who returns the key of a request's token that has a capability.
func (b *B2) who(w http.ResponseWriter, r *http.Request, capability string) (B2Key, bool) {
	key, known := b.tokens[r.Header.Get("Authorization")]
	switch {
	case !known:
		refuseB2(w, http.StatusUnauthorized, "expired_auth_token")
		return key, false
	case !slices.Contains(key.Capabilities, capability):
		refuseB2(w, http.StatusUnauthorized, "unauthorized")
		return key, false
	}
	return key, true
}

func (b *B2) listBuckets(w http.ResponseWriter, r *http.Request) {
	key, ok := b.who(w, r, "listBuckets")
	if !ok {
		return
	}
	var q struct{ AccountID, BucketID, BucketName string }
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.AccountID != "ab34" {
		refuseB2(w, http.StatusBadRequest, "bad_request")
		return
	}
	if key.Bucket != "" && q.BucketName != key.Bucket && q.BucketID != idOfB2(key.Bucket) {
		refuseB2(w, http.StatusUnauthorized, "unauthorized")
		return
	}
	found := []any{}
	for _, name := range slices.Sorted(maps.Keys(b.buckets)) {
		if (q.BucketName == "" || q.BucketName == name) && (q.BucketID == "" || q.BucketID == idOfB2(name)) {
			found = append(found, map[string]any{"accountId": "ab34", "bucketId": idOfB2(name), "bucketName": name, "bucketType": "allPrivate"})
		}
	}
	tell(w, map[string]any{"buckets": found})
}

func (b *B2) listNames(w http.ResponseWriter, r *http.Request) {
	key, ok := b.who(w, r, "listFiles")
	if !ok {
		return
	}
	var q struct {
		BucketID, StartFileName, Prefix, Delimiter string
		MaxFileCount                               int
	}
	err := json.NewDecoder(r.Body).Decode(&q)
	bucket := ""
	for name := range b.buckets {
		if idOfB2(name) == q.BucketID {
			bucket = name
		}
	}
	switch {
	case err != nil || q.MaxFileCount > 10_000:
		refuseB2(w, http.StatusBadRequest, "bad_request")
		return
	case bucket == "":
		refuseB2(w, http.StatusBadRequest, "bad_bucket_id")
		return
	case key.Bucket != "" && key.Bucket != bucket, !strings.HasPrefix(q.Prefix, key.Prefix):
		refuseB2(w, http.StatusUnauthorized, "unauthorized")
		return
	}
	// A page is short, so that tests have more than one.
	most := min(cmp.Or(q.MaxFileCount, 100), 1000)
	files, last := []any{}, ""
	var next any
	for _, name := range slices.Sorted(maps.Keys(b.buckets[bucket])) {
		content, entry := b.buckets[bucket][name], map[string]any{"action": "upload"}
		if !strings.HasPrefix(name, q.Prefix) {
			continue
		}
		if folder, _, deeper := strings.Cut(name[len(q.Prefix):], "/"); q.Delimiter != "" && deeper {
			name, content, entry["action"] = q.Prefix+folder+"/", nil, "folder"
		}
		if name < q.StartFileName || name == last {
			continue
		}
		if len(files) == most {
			next = name
			break
		}
		last = name
		entry["fileName"], entry["contentLength"], entry["bucketId"] = name, len(content), q.BucketID
		files = append(files, entry)
	}
	tell(w, map[string]any{"files": files, "nextFileName": next})
}

// fileInfo tells of a file by its id. restic asks so.
func (b *B2) fileInfo(w http.ResponseWriter, r *http.Request) {
	if _, ok := b.who(w, r, "readFiles"); !ok {
		return
	}
	var q struct{ FileID string }
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		refuseB2(w, http.StatusBadRequest, "bad_request")
		return
	}
	path, _ := hex.DecodeString(strings.TrimPrefix(q.FileID, "4_z"))
	bucket, name, _ := strings.Cut(string(path), "/")
	content, there := b.buckets[bucket][name]
	if !there {
		refuseB2(w, http.StatusNotFound, "not_found")
		return
	}
	tell(w, map[string]any{
		"fileId": q.FileID, "fileName": name, "bucketId": idOfB2(bucket), "contentLength": len(content), "action": "upload",
		"contentSha1": fmt.Sprintf("%x", sha1.Sum(content)), //nolint:gosec // Backblaze's own sum of a file
	})
}

func (b *B2) download(w http.ResponseWriter, r *http.Request) {
	key, ok := b.who(w, r, "readFiles")
	if !ok {
		return
	}
	path, err := url.QueryUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/file/")) // a plus is a space
	bucket, name, _ := strings.Cut(path, "/")
	if err != nil {
		refuseB2(w, http.StatusBadRequest, "bad_request")
		return
	}
	if key.Bucket != "" && key.Bucket != bucket || !strings.HasPrefix(name, key.Prefix) {
		refuseB2(w, http.StatusUnauthorized, "unauthorized")
		return
	}
	content, there := b.buckets[bucket][name]
	if !there {
		refuseB2(w, http.StatusNotFound, "not_found")
		return
	}
	sum := sha1.Sum(content) //nolint:gosec // Backblaze's own sum of a file
	w.Header().Set("X-Bz-File-Id", fmt.Sprintf("4_z%x", bucket+"/"+name))
	w.Header().Set("X-Bz-File-Name", name)
	w.Header().Set("X-Bz-Content-Sha1", fmt.Sprintf("%x", sum))
	w.Header().Set("Content-Type", "application/octet-stream")
	first := -1
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &first); err == nil && first >= len(content) {
		refuseB2(w, http.StatusRequestedRangeNotSatisfiable, "range_not_satisfiable")
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
