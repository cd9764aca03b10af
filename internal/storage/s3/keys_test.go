package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// answers starts a service that answers with a status and a text, per method and path.
func answers(t *testing.T, table map[string]string) (*httptest.Server, *[]*http.Request) {
	t.Helper()
	var seen []*http.Request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		seen = append(seen, r)
		text, ok := table[r.Method+" "+r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		var status int
		if _, err := fmt.Sscanf(text, "%d ", &status); err != nil || status == 0 {
			status = http.StatusOK
		} else {
			_, text, _ = strings.Cut(text, " ")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	return s, &seen
}

const instanceKeys = `{"Code":"Success","AccessKeyId":"ASIA","SecretAccessKey":"hunter2","Token":"session","Expiration":"2099-01-01T00:00:00Z"}`

func find(t *testing.T, c Config) (credentials.Value, error) {
	t.Helper()
	p, err := c.newProvider()
	if err != nil {
		t.Fatal(err)
	}
	return p.RetrieveWithCredContext(&credentials.CredContext{Context: t.Context()})
}

// wantRefusal checks an error of getting keys.
func wantRefusal(t *testing.T, label string, err error, code syncline.Code, message string) {
	t.Helper()
	if syncline.CodeOf(err) != code || !strings.Contains(syncline.MessageOf(err), message) {
		t.Errorf("%s: got %v (%s), want %s with %q", label, err, syncline.CodeOf(err), code, message)
	}
	if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "free text")) {
		t.Errorf("%s: the error repeats what it must not: %v", label, err)
	}
}

// The role of an instance comes from its metadata service, with a session of it.
func TestInstanceRole(t *testing.T) {
	const roles = "GET /latest/meta-data/iam/security-credentials/"
	for _, tt := range []struct {
		label   string
		table   map[string]string
		noV1    bool
		id      string
		code    syncline.Code
		message string
	}{
		{"a session", map[string]string{"PUT /latest/api/token": "200 s1", roles: "200 reader\n", roles + "reader": instanceKeys}, false, "ASIA", "", ""},
		{"an older service", map[string]string{roles: "200 reader", roles + "reader": instanceKeys}, false, "ASIA", "", ""},
		{"an older service that is not allowed", map[string]string{roles: "200 reader", roles + "reader": instanceKeys}, true, "", syncline.CodeForbidden, "AWS_EC2_METADATA_V1_DISABLED"},
		{"turned off", map[string]string{"PUT /latest/api/token": "403 free text"}, false, "", syncline.CodeForbidden, "turned off"},
		{"no role", map[string]string{"PUT /latest/api/token": "200 s1"}, false, "", "", ""},
		{"a role that is broken", map[string]string{"PUT /latest/api/token": "200 s1", roles: "200 reader", roles + "reader": `{"Code":"AssumeRoleUnauthorizedAccess","Message":"free text"}`}, false, "", syncline.CodeForbidden, `answers "AssumeRoleUnauthorizedAccess"`},
		{"a web site", map[string]string{"PUT /latest/api/token": "200 s1", roles: "200 reader", roles + "reader": "<html>free text"}, false, "", syncline.CodeUnavailable, "does not answer like such a service"},
		{"overload", map[string]string{"PUT /latest/api/token": "200 s1", roles: "503 free text"}, false, "", syncline.CodeUnavailable, "gives no credentials now"},
		{"too much", map[string]string{"PUT /latest/api/token": "200 s1", roles: "200 reader", roles + "reader": `{"Code":"` + strings.Repeat("x", 2<<20)}, false, "", syncline.CodeUnavailable, "does not answer like such a service"},
		{"keys that have ended", map[string]string{"PUT /latest/api/token": "200 s1", roles: "200 reader", roles + "reader": strings.Replace(instanceKeys, "2099", "2020", 1)}, false, "", syncline.CodeForbidden, "has ended"},
	} {
		t.Run(tt.label, func(t *testing.T) {
			server, seen := answers(t, tt.table)
			got, err := find(t, Config{Sources: Sources{Instance: &Instance{Endpoint: server.URL, NoV1: tt.noV1}}})
			if got.AccessKeyID != tt.id {
				t.Errorf("the key is %q", got.AccessKeyID)
			}
			wantRefusal(t, tt.label, err, tt.code, tt.message)
			if tt.label == "a session" && (*seen)[2].Header.Get("X-Aws-Ec2-Metadata-Token") != "s1" {
				t.Error("the service is asked without its session")
			}
		})
	}
}

// A machine outside of the cloud has no metadata service, which is no error.
func TestNoInstance(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	source := &instanceSource{client: server.Client()}
	source.client.Transport = refusing{}
	if got, err := source.keys(t.Context()); err != nil || got.AccessKeyID != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := find(t, Config{Sources: Sources{Required: true}}); got.AccessKeyID != "" || syncline.CodeOf(err) != syncline.CodeInvalid {
		t.Errorf("%+v, %v", got, err)
	}
}

type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no route to host")
}

// The role of a container comes from its agent, with the present content of a token file.
func TestContainerRole(t *testing.T) {
	server, seen := answers(t, map[string]string{"GET /creds": instanceKeys, "GET /none": `400 {"code":"InvalidToken","message":"free text"}`})
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("eks-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		label   string
		from    Container
		auth    string
		code    syncline.Code
		message string
	}{
		{"a token", Container{FullURI: server.URL + "/creds", Token: "plain"}, "plain", "", ""},
		{"a token file", Container{FullURI: server.URL + "/creds", Token: "plain", TokenFile: file}, "eks-token", "", ""},
		{"no token file", Container{FullURI: server.URL + "/creds", TokenFile: file + ".none"}, "", syncline.CodeInvalid, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"},
		{"refused", Container{FullURI: server.URL + "/none"}, "", syncline.CodeForbidden, `answers 400 "InvalidToken"`},
		{"somebody's host", Container{FullURI: "http://metadata.example/creds"}, "", syncline.CodeInvalid, "the container's own agent"},
		{"an instance's address", Container{FullURI: "http://169.254.169.254/creds"}, "", syncline.CodeInvalid, "the container's own agent"},
		{"a header's end", Container{FullURI: server.URL + "/creds", Token: "a\nb"}, "", syncline.CodeInvalid, "more than one line"},
	} {
		*seen = nil
		got, err := find(t, Config{Sources: Sources{Container: &tt.from}})
		wantRefusal(t, tt.label, err, tt.code, tt.message)
		if err == nil && (got.AccessKeyID != "ASIA" || got.SessionToken != "session" || (*seen)[0].Header.Get("Authorization") != tt.auth) {
			t.Errorf("%s: %+v, asked with %q", tt.label, got, (*seen)[0].Header.Get("Authorization"))
		}
	}
}

func stsAnswer(action, id, secret, token string, until time.Time) string {
	return fmt.Sprintf(`<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><Credentials><AccessKeyId>%[2]s</AccessKeyId><SecretAccessKey>%[3]s</SecretAccessKey>`+
		`<SessionToken>%[4]s</SessionToken><Expiration>%[5]s</Expiration></Credentials></%[1]sResult></%[1]sResponse>`, action, id, secret, token, until.UTC().Format(time.RFC3339))
}

const stsRefusal = `<ErrorResponse><Error><Code>%s</Code><Message>free text</Message></Error></ErrorResponse>`

// A web identity's token, as its file holds it now, opens a role.
func TestWebIdentity(t *testing.T) {
	table := map[string]string{"POST /": stsAnswer("AssumeRoleWithWebIdentity", "ASIAWEB", "hunter2", "session", time.Now().Add(time.Hour))}
	server, seen := answers(t, table)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("jwt-1"), 0o600); err != nil {
		t.Fatal(err)
	}
	from := WebIdentity{TokenFile: file, RoleARN: "arn:aws:iam::1:role/r", Endpoint: server.URL}
	got, err := find(t, Config{Sources: Sources{WebIdentity: &from}})
	if err != nil || got.AccessKeyID != "ASIAWEB" || got.SessionToken != "session" {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := (*seen)[0].ParseForm(); err != nil || (*seen)[0].PostForm.Get("WebIdentityToken") != "jwt-1" || (*seen)[0].PostForm.Get("RoleSessionName") != "syncline" {
		t.Errorf("asked with %v, %v", (*seen)[0].PostForm, err)
	}
	for _, tt := range []struct {
		label, answer string
		change        func(*WebIdentity)
		code          syncline.Code
		message       string
		retryable     bool
	}{
		{"refused", "400 " + fmt.Sprintf(stsRefusal, "ExpiredTokenException"), nil, syncline.CodeForbidden, `answers "ExpiredTokenException"`, false},
		{"the issuer is away", "400 " + fmt.Sprintf(stsRefusal, "IDPCommunicationError"), nil, syncline.CodeUnavailable, "cannot be taken now", true},
		{"overload", "503 free text", nil, syncline.CodeUnavailable, "gives no credentials now", true},
		{"a web site", "<html>free text</html>", nil, syncline.CodeUnavailable, "does not answer like a token service", false},
		{"no role", "", func(w *WebIdentity) { w.RoleARN = "" }, syncline.CodeInvalid, "AWS_ROLE_ARN", false},
		{"no file", "", func(w *WebIdentity) { w.TokenFile += ".none" }, syncline.CodeInvalid, "AWS_WEB_IDENTITY_TOKEN_FILE", false},
	} {
		table["POST /"] = tt.answer
		with := from
		if tt.change != nil {
			tt.change(&with)
		}
		_, err := find(t, Config{Sources: Sources{WebIdentity: &with}})
		wantRefusal(t, tt.label, err, tt.code, tt.message)
		if storage.IsRetryable(err) != tt.retryable {
			t.Errorf("%s: retryable is %v", tt.label, !tt.retryable)
		}
	}
}

// Keys are renewed before they end. Keys that hold are kept while the service is away.
func TestRenewal(t *testing.T) {
	now := time.Now()
	var asked int
	var away error
	p := &provider{now: func() time.Time { return now }, sources: []source{sourceFunc(func(context.Context) (credentials.Value, error) {
		asked++
		return credentials.Value{AccessKeyID: fmt.Sprint(asked), SecretAccessKey: "s", Expiration: now.Add(time.Hour)}, away
	})}}
	creds := credentials.New(p)
	ask := func(after time.Duration, want string, times int) {
		t.Helper()
		now = now.Add(after)
		got, err := creds.GetWithContext(nil)
		if got.AccessKeyID != want || asked != times || (want == "") != (err != nil) {
			t.Errorf("the key is %q (%v) after %d questions; want %q after %d", got.AccessKeyID, err, asked, want, times)
		}
	}
	ask(0, "1", 1)
	ask(47*time.Minute, "1", 1)
	ask(time.Minute, "2", 2)
	away = errors.New("away")
	ask(48*time.Minute, "2", 3)
	ask(10*time.Second, "2", 3)
	ask(time.Minute, "2", 4)
	ask(12*time.Minute, "", 5)
	away = nil
	ask(time.Minute, "6", 6)
}

// A role is taken again with keys that are renewed themselves.
func TestRoleWithKeysThatEnd(t *testing.T) {
	var by atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by.Store(r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, stsAnswer("AssumeRole", "ASIAROLE", "s", "t", time.Now().Add(time.Hour)))
	}))
	defer server.Close()
	now, n := time.Now(), 0
	base := &provider{now: func() time.Time { return now }, sources: []source{sourceFunc(func(context.Context) (credentials.Value, error) {
		n++
		return credentials.Value{AccessKeyID: fmt.Sprintf("BASE%d", n), SecretAccessKey: "s", Expiration: now.Add(time.Hour)}, nil
	})}}
	role, err := Config{Role: &Role{ARN: "arn:aws:iam::1:role/r", Endpoint: server.URL}}.roleSource(base)
	if err != nil {
		t.Fatal(err)
	}
	for want := 1; want <= 2; want++ {
		if got, err := role.keys(t.Context()); err != nil || got.AccessKeyID != "ASIAROLE" {
			t.Fatalf("%+v, %v", got, err)
		}
		if text := by.Load().(string); !strings.Contains(text, fmt.Sprintf("BASE%d/", want)) {
			t.Errorf("the role is taken by %q", text)
		}
		now = now.Add(time.Hour)
	}
}

// A token service that hangs ends with the command, and with the patience.
func TestHungService(t *testing.T) {
	release := make(chan struct{})
	asked := make(chan struct{}, 8)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-release
	}))
	defer server.Close()
	defer close(release)
	p, err := Config{AccessKey: "A", SecretKey: "B", Role: &Role{ARN: "arn", Endpoint: server.URL}}.newProvider()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := p.RetrieveWithCredContext(&credentials.CredContext{Context: ctx})
		done <- err
	}()
	<-asked
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// profileOf returns the keys of a profile in files with these texts.
func profileOf(t *testing.T, name, config, shared string, change func(*Profile)) (credentials.Value, error) {
	t.Helper()
	home := t.TempDir()
	for file, text := range map[string]string{"config": config, "credentials": shared} {
		if err := os.MkdirAll(filepath.Join(home, ".aws"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, ".aws", file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := Profile{Name: name, Home: home, Getenv: func(name string) string { return "env-" + name }}
	if change != nil {
		change(&p)
	}
	return find(t, Config{Sources: Sources{Profile: &p}})
}

// Profiles are read as Amazon's tools read them.
func TestProfiles(t *testing.T) {
	sts, seen := answers(t, map[string]string{"POST /": stsAnswer("AssumeRole", "ASIAROLE", "s", "t", time.Now().Add(time.Hour))})
	role := func(p *Profile) { p.TokenService = sts.URL }
	printed, err := json.Marshal(map[string]any{"Version": 1, "AccessKeyId": "ASIAPROC", "SecretAccessKey": "hunter2", "Expiration": time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "with space.json")
	if err := os.WriteFile(out, printed, 0o600); err != nil {
		t.Fatal(err)
	}
	const pair = "aws_access_key_id = AKIA%s\naws_secret_access_key = hunter2\n"
	for _, tt := range []struct {
		label, name, config, shared string
		change                      func(*Profile)
		id, message                 string
	}{
		{"default", "", "", "[default]\n" + fmt.Sprintf(pair, "D"), nil, "AKIAD", ""},
		{"in the configuration", "work", "[profile work]\n" + fmt.Sprintf(pair, "W"), "", nil, "AKIAW", ""},
		{"the credentials win", "work", "[profile work]\nregion = x\ns3 =\n  addressing_style = path\n" + fmt.Sprintf(pair, "C"), "[work]\n" + fmt.Sprintf(pair, "S"), nil, "AKIAS", ""},
		{"nothing at all", "", "", "", nil, "", ""},
		{"no such profile", "none", "", "[work]\n" + fmt.Sprintf(pair, "S"), nil, "", `the AWS profile "none" holds no usable keys`},
		{"half a pair", "work", "", "[work]\naws_access_key_id = x\n", nil, "", "belong together"},
		{"a program", "work", "[profile work]\ncredential_process = cat '" + out + "'\n", "", nil, "ASIAPROC", ""},
		{"a program that fails", "work", "[profile work]\ncredential_process = exit 7\n", "", nil, "", "failed (exit status 7)"},
		{"a program that prints something else", "work", "[profile work]\ncredential_process = echo hunter2\n", "", nil, "", "did not print keys"},
		{"a program without an end of its output", "work", "[profile work]\ncredential_process = yes\n", "", nil, "", "prints more than keys"},
		{"a role", "r", "[profile r]\nrole_arn = arn:r\nsource_profile = base\nexternal_id = them\n", "[base]\n" + fmt.Sprintf(pair, "BASE"), role, "ASIAROLE", ""},
		{"a role of itself", "r", "[profile r]\nrole_arn = arn:r\nsource_profile = r\n", "[r]\n" + fmt.Sprintf(pair, "BASE"), role, "ASIAROLE", ""},
		{"a role with the environment", "r", "[profile r]\nrole_arn = arn:r\ncredential_source = Environment\n", "", role, "ASIAROLE", ""},
		{"a role without keys", "r", "[profile r]\nrole_arn = arn:r\n", "", role, "", "neither source_profile nor credential_source"},
		{"a role with a second factor", "r", "[profile r]\nrole_arn = arn:r\nsource_profile = base\nmfa_serial = x\n", "[base]\n" + fmt.Sprintf(pair, "BASE"), role, "", "second factor"},
		{"a circle", "a", "[profile a]\nrole_arn = arn:a\nsource_profile = b\n[profile b]\nrole_arn = arn:b\nsource_profile = a\n", "", role, "", "lead to each other"},
		{"a source that is not there", "a", "[profile a]\nrole_arn = arn:a\nsource_profile = b\n", "", role, "", `"b", which the profile "a" names, is not there`},
		{"half of SSO", "s", "[profile s]\nsso_account_id = 1\n", "", nil, "", "one for SSO that is not whole"},
		{"SSO without a sign-on", "s", "[profile s]\nsso_account_id = 1\nsso_role_name = r\nsso_start_url = https://x\nsso_region = eu-north-1\n", "", nil, "", "aws sso login --profile s"},
	} {
		t.Run(tt.label, func(t *testing.T) {
			got, err := profileOf(t, tt.name, tt.config, tt.shared, tt.change)
			if got.AccessKeyID != tt.id || (err == nil) != (tt.message == "") || err != nil && !strings.Contains(syncline.MessageOf(err), tt.message) {
				t.Errorf("%q and %v, want %q and %q", got.AccessKeyID, err, tt.id, tt.message)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v repeats a secret", err)
			}
		})
	}
	for _, r := range *seen {
		if err := r.ParseForm(); err != nil || r.PostForm.Get("RoleArn") != "arn:r" {
			t.Errorf("%v, %v", r.PostForm, err)
		}
	}
}
