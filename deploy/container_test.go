//go:build linux

package deploy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline/internal/needtest"
)

// image is the part of a container image that the Containerfile may describe.
type image struct {
	root    string // the file tree
	env     []string
	user    uint32
	group   uint32
	command []string
}

// buildImage does what an engine does with the Containerfile. It refuses a line that it
// does not know.
func buildImage(t *testing.T, containerfile, files, root string) image {
	t.Helper()
	im := image{root: root}
	args := map[string]string{}
	for line := range strings.Lines(read(t, containerfile)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "", "#", "VOLUME", "EXPOSE", "STOPSIGNAL":
		case "FROM":
			if rest != "scratch" {
				t.Fatalf("the image is built on %s", rest)
			}
		case "ARG":
			args["TARGETARCH"] = runtime.GOARCH
			if !strings.HasPrefix(rest, "TARGETARCH=") {
				t.Fatal(line)
			}
		case "COPY":
			copyInto(t, files, root, os.Expand(rest, func(name string) string { return args[name] }))
		case "ENV":
			im.env = append(im.env, rest)
		case "USER":
			if _, err := fmt.Sscanf(rest, "%d:%d", &im.user, &im.group); err != nil {
				t.Fatal(line, err)
			}
		case "ENTRYPOINT", "CMD":
			var list []string
			if err := json.Unmarshal([]byte(rest), &list); err != nil {
				t.Fatal(line, err)
			}
			im.command = append(im.command, list...)
		default:
			t.Fatalf("the test does not know: %s", line)
		}
	}
	return im
}

// copyInto is COPY of the content of a folder into the root: "[--chown=U:G] FOLDER/ /".
func copyInto(t *testing.T, files, root, args string) {
	t.Helper()
	words, owner := strings.Fields(args), "0:0"
	if rest, ok := strings.CutPrefix(words[0], "--chown="); ok {
		words, owner = words[1:], rest
	}
	if len(words) != 2 || !strings.HasSuffix(words[0], "/") || words[1] != "/" {
		t.Fatalf("the test does not know: COPY %s", args)
	}
	output(t, "sh", "-c", `tar -C "$1" --owner="${3%:*}" --group="${3#*:}" --numeric-owner -cf - $(ls -A "$1") | tar -C "$2" --same-owner -xpf -`, "sh", filepath.Join(files, words[0]), root, owner)
}

// TestContainer builds the image's file tree, and runs the image's command in it as the
// image's user: a first start, a second one with the same data, and a client that trusts
// the image's authorities.
func TestContainer(t *testing.T) {
	files := filepath.Join(release(t), "container")
	needtest.Root(t, "change the root of a process")
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	im := buildImage(t, "container/Containerfile", files, root)
	if im.user == 0 || im.group == 0 {
		t.Error("the image runs as root")
	}
	var said string
	for range 2 {
		said += im.serve(t)
	}
	if !strings.Contains(said, "created user administrator; the password is in /data/initial-password") {
		t.Error(said)
	}
	if info, err := os.Stat(filepath.Join(root, "data/syncline.db")); err != nil || info.Mode().Perm() != 0o600 || info.Sys().(*syscall.Stat_t).Uid != im.user {
		t.Errorf("%v (%v)", info, err)
	}
	im.trust(t)
}

// start runs a program of the image.
func (im image) start(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = "/", im.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: im.root, Credential: &syscall.Credential{Uid: im.user, Gid: im.group}}
	return cmd
}

// serve runs the image's command until it is ready, and returns what it says.
func (im image) serve(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := im.start(ctx, append(im.command, "--listen", "127.0.0.1:0")...)
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait(); w.Close() }()
	var said strings.Builder
	for lines := bufio.NewScanner(r); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // its certificate is its own
			answer := must(client.Get(url + "/readyz"))(t)
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				t.Errorf("/readyz answers %d", answer.StatusCode)
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, said.String())
	}
	return said.String()
}

// trust reads object storage with a certificate of an authority, before and after the
// authority is among those of the image.
func (im image) trust(t *testing.T) {
	t.Helper()
	bundle := filepath.Join(im.root, "etc/ssl/certs/ca-certificates.crt")
	authorities := read(t, bundle)
	if n := strings.Count(authorities, "BEGIN CERTIFICATE"); n < 100 || !x509.NewCertPool().AppendCertsFromPEM([]byte(authorities)) {
		t.Errorf("the image has %d authorities", n)
	}
	asked := false
	storage := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked = true
		w.WriteHeader(http.StatusNotFound)
	}))
	defer storage.Close()
	for _, trusted := range []bool{false, true} {
		if trusted {
			own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: storage.Certificate().Raw})
			if err := os.WriteFile(bundle, append([]byte(authorities), own...), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := im.start(ctx, im.command[0], "snapshots", "-r", "s3:"+storage.URL+"/bucket/repo", "--cache-dir", "/tmp/cache")
		cmd.Env = append(cmd.Env, "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret", "RESTIC_PASSWORD=x")
		said, err := cmd.CombinedOutput()
		if err == nil || asked != trusted || strings.Contains(string(said), "certificate") == trusted {
			t.Errorf("trusted "+strconv.FormatBool(trusted)+": %v, asked %t: %s", err, asked, said)
		}
	}
}
