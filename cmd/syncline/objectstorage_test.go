package main_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// outcome is what a run of the program left.
type outcome struct {
	code           int
	stdout, stderr string
}

// runProgram runs the program with these variables and no other credentials. One
// that goes on for ever fails the test with what it said.
func runProgram(t *testing.T, env []string, args ...string) outcome {
	t.Helper()
	return run(t, program, env, args...)
}

// run runs a program as runProgram does.
func run(t *testing.T, program string, env []string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case slices.ContainsFunc([]string{"AWS_", "AZURE_", "B2_", "GOOGLE_", "OS_", "RESTIC_", "ST_"}, func(s string) bool { return strings.HasPrefix(name, s) }):
		default:
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(append(cmd.Env, "RESTIC_PASSWORD="+resticfixture.Password), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// storedRepository is one repository in one kind of storage.
type storedRepository struct {
	address string
	env     []string
	options []string
	secrets []string
}

// oddFiles are what other programs and people leave in a repository's folder.
// They change nothing.
func oddFiles() map[string][]byte {
	files := map[string][]byte{}
	for _, folder := range []string{"keys/", "snapshots/", "index/", "data/00/", "data/zz/", "locks/", ""} {
		for _, name := range []string{"no hash", "a+b%2Fc%", "<&>\"'", "schön 😀", "?x=1&y=2#z", "..x", "tmp-" + strings.Repeat("0", 64), strings.Repeat("A", 64)} {
			files[folder+name] = []byte("odd")
		}
	}
	return files
}

func inS3(t *testing.T, repo string) (*servers.S3, storedRepository) {
	t.Helper()
	server := servers.StartS3(t)
	server.Put(t, "bucket", "some folder/repo", servers.ReadFolder(t, repo))
	server.Put(t, "bucket", "some folder/repo", oddFiles())
	return server, storedRepository{
		address: "s3:" + server.URL + "/bucket/some%20folder/repo",
		env:     []string{"AWS_ACCESS_KEY_ID=" + server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + server.SecretKey},
		secrets: []string{server.SecretKey},
	}
}

func inAzure(t *testing.T, repo string) storedRepository {
	t.Helper()
	server := servers.StartAzure(t)
	server.Put(t, "container", "some folder/repo", servers.ReadFolder(t, repo))
	server.Put(t, "container", "some folder/repo", oddFiles())
	return storedRepository{
		address: "azure:container:/some folder/repo",
		env:     []string{"AZURE_ACCOUNT_NAME=" + server.Account, "AZURE_ACCOUNT_KEY=" + server.Key},
		options: []string{"-o", "azure.endpoint=" + server.URL},
		secrets: []string{server.Key},
	}
}

func inGCS(t *testing.T, repo string) storedRepository {
	t.Helper()
	server := servers.StartGCS(t)
	server.Put(t, "bucket", "some folder/repo", servers.ReadFolder(t, repo))
	server.Put(t, "bucket", "some folder/repo", oddFiles())
	return storedRepository{
		address: "gs:bucket:/some folder/repo",
		env:     []string{"STORAGE_EMULATOR_HOST=" + strings.TrimPrefix(server.URL, "http://"), "GOOGLE_ACCESS_TOKEN=ya29.not-to-be-told"},
		secrets: []string{"ya29.not-to-be-told"},
	}
}

// TestRepositoryInObjectStorage asks the same of a local folder and of copies
// of it in each kind of storage.
func TestRepositoryInObjectStorage(t *testing.T) {
	t.Parallel()
	repo := resticfixture.Unpack(t, "v2-old")
	_, s3 := inS3(t, repo)
	places := map[string]storedRepository{
		"local": {address: repo}, "s3": s3, "azure": inAzure(t, repo), "gs": inGCS(t, repo), "b2": inB2WithOddFiles(t, repo), "swift": inSwift(t, repo),
	}
	questions := [][]string{{"snapshots", "--json"}, {"ls", "latest", "--json"}, {"ls", "-l", "latest"}}
	var answers []string
	var catalog string
	for _, name := range []string{"local", "s3", "azure", "gs", "b2", "swift"} {
		t.Run(name, func(t *testing.T) {
			r, data := places[name], t.TempDir()
			ask := func(args ...string) outcome {
				t.Helper()
				args = append(append([]string{"-r", r.address, "--cache-dir", filepath.Join(data, "catalogs")}, r.options...), args...)
				o := runProgram(t, r.env, args...)
				if o.code != 0 {
					t.Fatalf("syncline %q: exit code %d: %s", args, o.code, o.stderr)
				}
				return o
			}
			r.env = append(r.env, "RESTIC_PASSWORD="+resticfixture.SecondPassword) // which nothing else here is called
			told := ask("sync", "-vv")
			r.env = append(r.env, "RESTIC_PASSWORD="+resticfixture.Password)
			if strings.Contains(told.stderr, "WARN") || strings.Contains(told.stderr, "damaged") {
				t.Errorf("the synchronization complains: %s", told.stderr)
			}
			for i, question := range questions {
				o := ask(append(question, "--no-sync")...)
				told.stderr += o.stdout + o.stderr
				if name == "local" {
					answers = append(answers, o.stdout)
				} else if o.stdout != answers[i] {
					t.Errorf("%q gives\n%s\nand of the local folder\n%s", question, o.stdout, answers[i])
				}
			}
			if got := dump(t, data); name == "local" {
				catalog = got
			} else if got != catalog {
				t.Error("the catalog differs from the local folder's")
			}
			// The configuration and the three listings, each made twice because of the odd
			// name that has a hash's length; in S3 the region, for each of the four that
			// begin at once; in Swift the empty page at the end of each listing. A slow check
			// also reads the two keys.
			most := 11 + 2
			if name == "swift" {
				most += 6
			}
			var again struct {
				Added    int `json:"snapshotsAdded"`
				Requests int `json:"requests"`
			}
			if o := ask("sync", "--json"); json.Unmarshal([]byte(o.stdout), &again) != nil || again.Added != 0 || again.Requests > most {
				t.Errorf("a synchronization with nothing new: %s", o.stdout)
			}
			for _, secret := range append(r.secrets, resticfixture.SecondPassword) {
				if strings.Contains(told.stdout+told.stderr, secret) {
					t.Errorf("the program tells the secret %q", secret)
				}
			}
		})
	}
}

// TestAnswersInS3AreRestics compares with restic itself, on the same server
// and in a folder without odd files: they make restic fail.
func TestAnswersInS3AreRestics(t *testing.T) {
	t.Parallel()
	repo := resticfixture.Unpack(t, "v2-old")
	server, s3 := inS3(t, repo)
	server.Put(t, "bucket", "plain", servers.ReadFolder(t, repo))
	s3.address = "s3:" + server.URL + "/bucket/plain"
	env := append([]string{"RESTIC_REPOSITORY=" + s3.address, "SYNCLINE_CACHE_DIR=" + t.TempDir()}, s3.env...)
	for _, args := range [][]string{{"ls", "latest", "--json"}, {"ls", "--json", "latest", "/"}} {
		o := runProgram(t, env, args...)
		if o.code != 0 {
			t.Fatalf("syncline %q: exit code %d: %s", args, o.code, o.stderr)
		}
		cmd := exec.CommandContext(t.Context(), resticfixture.Restic(t), append(args, "--no-cache", "--no-lock")...)
		cmd.Env = append(append(os.Environ(), "RESTIC_PASSWORD="+resticfixture.Password), env...)
		want, err := cmd.Output()
		if err != nil {
			t.Fatalf("restic %q: %v", args, err)
		}
		compareLines(t, string(want), o.stdout)
	}
}

// certificate makes a self-signed one for a host or address, and returns the
// files with it and its key.
func certificate(t *testing.T, hosts ...string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestCertificates reaches a server over https.
func TestCertificates(t *testing.T) {
	t.Parallel()
	repo := resticfixture.Unpack(t, "v2-old")
	files := servers.ReadFolder(t, repo)
	cert, key := certificate(t, "127.0.0.1")
	server := servers.StartS3(t, cert, key)
	server.Put(t, "bucket", "repo", files)
	wrongCert, wrongKey := certificate(t, "other.example")
	wrong := servers.StartS3(t, wrongCert, wrongKey)
	tests := []struct {
		label   string
		url     string
		env     string
		args    []string
		code    int
		message string
	}{
		{"trusted", server.URL, "", []string{"--cacert", cert}, 0, ""},
		{"trusted by the environment", server.URL, "RESTIC_CACERT=" + cert, nil, 0, ""},
		{"not trusted", server.URL, "", nil, 1, "issued by an authority that is not trusted here"},
		{"another name", wrong.URL, "", []string{"--cacert", wrongCert}, 1, "is for another name"},
		{"no such file", server.URL, "", []string{"--cacert", cert + ".none"}, 1, "check --cacert"},
		{"no certificate", server.URL, "", []string{"--cacert", key}, 1, "holds no certificate"},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			env := []string{"AWS_ACCESS_KEY_ID=" + server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + server.SecretKey, tt.env}
			o := runProgram(t, env, append(tt.args, "-r", "s3:"+tt.url+"/bucket/repo", "--cache-dir", t.TempDir(), "snapshots")...)
			if o.code != tt.code || !strings.Contains(o.stderr, tt.message) || strings.Count(o.stderr, "\n") > 1 {
				t.Errorf("exit code %d and %q, want %d and %q", o.code, o.stderr, tt.code, tt.message)
			}
		})
	}
}

// TestS3Credentials gets in with all that restic gets in with.
func TestS3Credentials(t *testing.T) {
	t.Parallel()
	server := servers.StartS3(t)
	server.Put(t, "bucket", "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	home := t.TempDir()
	file := filepath.Join(home, "credentials")
	text := fmt.Sprintf("[default]\naws_access_key_id = AKIANOBODY\naws_secret_access_key = guess\n[work]\naws_access_key_id = %s\naws_secret_access_key = %s\n", server.AccessKey, server.SecretKey)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := []string{"AWS_ACCESS_KEY_ID=" + server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + server.SecretKey}
	profile := "AWS_SHARED_CREDENTIALS_FILE=" + file
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"AccessKeyId":%q,"SecretAccessKey":%q,"Token":"","Expiration":"2099-01-01T00:00:00Z"}`, server.AccessKey, server.SecretKey)
	}))
	defer metadata.Close()
	tests := []struct {
		label   string
		env     []string
		options []string
		message string // "" where it works
	}{
		{"keys", keys, nil, ""},
		{"keys and region", append(keys, "AWS_DEFAULT_REGION="+server.Region), nil, ""},
		{"region as an option", append(keys, "AWS_DEFAULT_REGION=eu-south-9"), []string{"-o", "s3.region=" + server.Region, "-o", "s3.connections=2"}, ""},
		{"path style", keys, []string{"-o", "s3.bucket-lookup=path", "-o", "sftp.command=x"}, ""},
		{"old names", []string{"AWS_ACCESS_KEY=" + server.AccessKey, "AWS_SECRET_KEY=" + server.SecretKey}, nil, ""},
		{"a profile", []string{profile, "AWS_PROFILE=work"}, nil, ""},
		{"the default profile", []string{profile}, nil, "does not know this access key"},
		{"keys before a profile", append(keys, profile), nil, ""},
		{"a machine's role", []string{profile + ".none", "AWS_CONTAINER_CREDENTIALS_FULL_URI=" + metadata.URL + "/role"}, nil, ""},
		{"no such profile", []string{profile, "AWS_PROFILE=none"}, nil, `the AWS profile "none" holds no usable keys`},
		{"nothing", []string{profile + ".none"}, nil, "no credentials were given"},
		{"anonymously", keys, []string{"-o", "s3.unsafe-anonymous-auth=true"}, "no credentials were given"},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			env := append([]string{"HOME=" + home, "SYNCLINE_CACHE_DIR=" + t.TempDir()}, tt.env...)
			o := runProgram(t, env, append([]string{"-r", "s3:" + server.URL + "/bucket/repo", "snapshots"}, tt.options...)...)
			if (o.code == 0) != (tt.message == "") || !strings.Contains(o.stderr, tt.message) {
				t.Errorf("exit code %d and %q, want %q", o.code, o.stderr, tt.message)
			}
		})
	}
}

// TestTwoRepositoriesInOneFolder mixes a repository with another one's files,
// which the same password opens, as a copy into the wrong folder does.
func TestTwoRepositoriesInOneFolder(t *testing.T) {
	t.Parallel()
	server := servers.StartS3(t)
	server.Put(t, "bucket", "alone", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	other := servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old-plain"))
	server.Put(t, "bucket", "mixed", other)
	server.Put(t, "bucket", "mixed", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	server.Put(t, "bucket", "foreign", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	server.Put(t, "bucket", "foreign", map[string][]byte{"config": other["config"]})
	env := []string{"AWS_ACCESS_KEY_ID=" + server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + server.SecretKey, "SYNCLINE_CACHE_DIR=" + t.TempDir()}
	ls := func(folder, snapshot string) outcome {
		return runProgram(t, env, "ls", "--json", snapshot, "-r", "s3:"+server.URL+"/bucket/"+folder)
	}
	alone := ls("alone", "latest")
	id := regexp.MustCompile(`"short_id":"([0-9a-f]{8})"`).FindStringSubmatch(alone.stdout)
	if alone.code != 0 || id == nil {
		t.Fatalf("%+v", alone)
	}
	if o := ls("mixed", id[1]); o.code != 0 || o.stdout != alone.stdout || !strings.Contains(o.stderr, "damaged") || !strings.Contains(o.stderr, "another repository") {
		t.Errorf("exit code %d, %q, and the same list: %v; want 0, a word about another repository, and true", o.code, o.stderr, o.stdout == alone.stdout)
	}
	if o := ls("mixed", "latest"); o.code != 1 || o.stdout != "" || !strings.Contains(o.stderr, id[1]) {
		t.Errorf("nobody knows which snapshot is the latest, and it is %+v", o)
	}
	if o := ls("foreign", "latest"); o.code != 1 || !strings.Contains(o.stderr, "the remains of two repositories") {
		t.Errorf("with a foreign config: exit code %d, %q", o.code, o.stderr)
	}
}

// TestBadStorage is what a user gets wrong, and reads then: one line each.
func TestBadStorage(t *testing.T) {
	t.Parallel()
	repo := resticfixture.Unpack(t, "v2-old")
	server, s3 := inS3(t, repo)
	azure, gcs := inAzure(t, repo), inGCS(t, repo)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>Hello") }))
	defer site.Close()
	with := func(r storedRepository, address string, more ...string) storedRepository {
		r.address, r.env = address, append(append([]string{}, r.env...), more...)
		return r
	}
	option := func(r storedRepository, o string) storedRepository {
		r.options = append(append([]string{}, r.options...), "-o", o)
		return r
	}
	tests := []struct {
		label   string
		r       storedRepository
		code    int
		message string
	}{
		{"no such bucket", with(s3, "s3:"+server.URL+"/none-such/repo"), 10, `there is no bucket "none-such"`},
		{"no repository", with(s3, "s3:"+server.URL+"/bucket/elsewhere"), 10, "there is no restic repository at s3:" + server.URL + "/bucket/elsewhere"},
		{"wrong password", with(s3, s3.address, "RESTIC_PASSWORD=wrong"), 12, "wrong password or no key found for the repository at s3:"},
		{"wrong secret", with(s3, s3.address, "AWS_SECRET_ACCESS_KEY=guess-guess-guess"), 1, "secret key does not belong to the access key"},
		{"unknown key", with(s3, s3.address, "AWS_ACCESS_KEY_ID=AKIANOBODY"), 1, "does not know this access key"},
		{"half of the keys", with(s3, s3.address, "AWS_SECRET_ACCESS_KEY="), 1, "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not"},
		{"wrong region", with(s3, s3.address, "AWS_DEFAULT_REGION=eu-south-9"), 1, "another region"},
		{"https to http", with(s3, "s3:"+strings.TrimPrefix(server.URL, "http://")+"/bucket/repo"), 1, "does not speak https"},
		{"no S3", with(s3, "s3:"+site.URL+"/bucket/repo"), 1, "does not answer like an S3 server"},
		{"metadata", with(s3, "s3:http://169.254.169.254/bucket/repo"), 1, "link-local"},
		{"no bucket", with(s3, "s3:"+server.URL), 1, "names no bucket"},
		{"unknown option", option(s3, "s3.nonsense=1"), 1, `"s3.nonsense" is not known; there are: s3.bucket-lookup`},
		{"bad option", option(s3, "s3.bucket-lookup=sideways"), 1, `must be "auto", "path" or "dns"`},
		{"no container", with(azure, "azure:none-such:/repo"), 10, `there is no container "none-such"`},
		{"no repository in Azure", with(azure, "azure:container:/elsewhere"), 10, "there is no restic repository at azure:container:/elsewhere"},
		{"no account", with(azure, azure.address, "AZURE_ACCOUNT_NAME="), 1, "AZURE_ACCOUNT_NAME is not set"},
		{"no key", with(azure, azure.address, "AZURE_ACCOUNT_KEY="), 1, "neither AZURE_ACCOUNT_KEY nor AZURE_ACCOUNT_SAS is set"},
		{"wrong account key", with(azure, azure.address, "AZURE_ACCOUNT_KEY=bm90IHRoZSBrZXk="), 1, "key does not belong to the storage account"},
		{"two endpoints", option(azure, "azure.endpoint="+site.URL), 1, "twice with different values"},
		{"no Azure", option(storedRepository{address: azure.address, env: azure.env}, "azure.endpoint="+site.URL), 1, "does not answer like Azure Blob Storage"},
		{"no bucket at Google", with(gcs, "gs:none-such:/repo"), 10, `there is no bucket "none-such"`},
		{"no repository at Google", with(gcs, "gs:bucket:/elsewhere"), 10, "there is no restic repository at gs:bucket:/elsewhere"},
		{"no Google", with(gcs, gcs.address, "STORAGE_EMULATOR_HOST="+server.URL), 1, "does not answer like Google Cloud Storage"},
		{"no key file", with(gcs, gcs.address, "STORAGE_EMULATOR_HOST=", "GOOGLE_ACCESS_TOKEN=", "GOOGLE_APPLICATION_CREDENTIALS=/none/such.json"), 1, "GOOGLE_APPLICATION_CREDENTIALS"},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			args := append([]string{"-r", tt.r.address, "--cache-dir", t.TempDir(), "snapshots", "-v"}, tt.r.options...)
			o := runProgram(t, tt.r.env, args...)
			if o.code != tt.code || !strings.Contains(o.stderr, tt.message) || strings.Count(o.stderr, "\n") != 1 || o.stdout != "" {
				t.Errorf("exit code %d and %q, want %d and %q", o.code, o.stderr, tt.code, tt.message)
			}
			for _, secret := range append(tt.r.secrets, "hunter2", "guess-guess") {
				if strings.Contains(o.stderr, secret) {
					t.Errorf("the message tells the secret %q", secret)
				}
			}
		})
	}
}
