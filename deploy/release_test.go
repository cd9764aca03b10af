//go:build linux

// Package deploy_test builds a release, and installs and runs what is in it.
package deploy_test

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"syncline.dev/syncline/internal/needtest"
)

// The release of the tests is a candidate, so that its version differs in each kind of
// package.
const (
	version        = "v9.8.7-rc1"
	packageVersion = "9.8.7~rc1"
	chartVersion   = "9.8.7-rc1"
)

// built is a release for this machine's architecture, made by the first test that asks.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// release returns the folder of a release.
func release(t *testing.T) string {
	t.Helper()
	needtest.Full(t, "a minute, and nfpm")
	built.once.Do(func() {
		built.dir, built.err = os.MkdirTemp("", "syncline-release-") //nolint:usetesting // it outlives the test, for the others
		if built.err == nil {
			built.err = dist(t, "..", built.dir)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.dir
}

// dist builds a release of the sources at root. env changes the builder's environment.
func dist(t *testing.T, root, out string, env ...string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "scripts/dist.sh", "-s", "-o", out, "linux/"+runtime.GOARCH)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "VERSION="+version, "SOURCE_DATE_EPOCH=1700000000")
	cmd.Env = append(cmd.Env, env...)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("dist: %w\n%s", err, said)
	}
	return nil
}

// output runs a program and returns what it prints.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	said, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, said)
	}
	return string(said)
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestRelease looks at the files of a release, their sums, and the program.
func TestRelease(t *testing.T) {
	dir := release(t)
	sums := read(t, filepath.Join(dir, "SHA256SUMS"))
	rpmArch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	for _, name := range []string{
		"syncline_" + packageVersion + "_" + runtime.GOARCH + ".deb",
		"syncline-" + packageVersion + "-1." + rpmArch + ".rpm",
		"syncline-" + packageVersion + "-linux-" + runtime.GOARCH + ".tar.gz",
		"syncline-" + chartVersion + ".tgz",
	} {
		if !strings.Contains(sums, "  "+name+"\n") {
			t.Errorf("%s is not in the release:\n%s", name, sums)
		}
	}
	if said, err := exec.CommandContext(t.Context(), "sh", "-c", `cd "$1" && sha256sum --check SHA256SUMS`, "sh", dir).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
	program := filepath.Join(dir, "container", runtime.GOARCH, "usr/bin/syncline")
	if said := output(t, program, "version"); !strings.HasPrefix(said, "syncline "+version+" ") {
		t.Error(said)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	static := func(s string) bool {
		return slices.ContainsFunc(info.Settings, func(b debugSetting) bool { return b.Key+"="+b.Value == s })
	}
	if !static("CGO_ENABLED=0") || !static("-trimpath=true") {
		t.Errorf("the program is not static, or has paths of the builder: %v", info.Settings)
	}
	if raw := []byte(read(t, program)); bytes.Contains(raw, []byte(must(os.Getwd())(t))) {
		t.Error("the program holds the path of its sources")
	}
	licenses := read(t, filepath.Join(dir, "container/common/usr/share/doc/syncline/third-party-licenses.txt"))
	for _, module := range info.Deps {
		ours := module.Replace != nil && strings.HasPrefix(module.Replace.Path, "./") // a folder stands in for it
		if told := strings.Contains(licenses, "\n---- "+module.Path+" "+module.Version+"\n"); told == ours {
			t.Errorf("a license of %s is there: %v, and it is Syncline's own code: %v", module.Path, told, ours)
		}
	}
}

// TestReleaseIsReproducible builds the same release once more: elsewhere, with another
// umask, time zone and language.
func TestReleaseIsReproducible(t *testing.T) {
	first, root, out := release(t), filepath.Join(t.TempDir(), "another place"), t.TempDir()
	copyTree := `mkdir "$1" && cd .. && git ls-files -co --exclude-standard -z | xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh |
		tar --null -cf - -T - | tar -xmf - -C "$1" && ln -s "$PWD/.cache" "$1/.cache"`
	output(t, "sh", "-c", copyTree, "sh", root)
	umask := setUmask(0o077)
	defer setUmask(umask)
	if err := dist(t, root, out, "TZ=Asia/Tokyo", "LC_ALL=C.UTF-8", "GOFLAGS=-tags=other", "GOAMD64=v3"); err != nil {
		t.Fatal(err)
	}
	if want, got := read(t, filepath.Join(first, "SHA256SUMS")), read(t, filepath.Join(out, "SHA256SUMS")); got != want {
		t.Errorf("the same sources gave other files:\n%s\n%s", want, got)
	}
}

// TestRPM compares the rpm with the deb.
func TestRPM(t *testing.T) {
	dir := release(t)
	rpm, deb := only(t, dir, "*.rpm"), only(t, dir, "*.deb")
	for _, want := range []string{"Name        : syncline\n", "Version     : " + packageVersion + "\n", "License     : Apache-2.0\n"} {
		if said := output(t, "rpm", "-qip", rpm); !strings.Contains(said, want) {
			t.Errorf("%q is not in\n%s", want, said)
		}
	}
	if said := output(t, "rpm", "-qp", "--configfiles", rpm); said != "/etc/syncline/syncline.yaml\n" {
		t.Errorf("the files that an upgrade leaves alone: %s", said)
	}
	if said := output(t, "rpm", "-qp", "--scripts", rpm); strings.Count(said, "scriptlet (using /bin/sh)") != 3 {
		t.Error(said)
	}
	files := func(list string) (names []string) {
		for name := range strings.Lines(list) {
			name = strings.TrimPrefix(strings.TrimSpace(name), ".")
			// Debian keeps completions of zsh elsewhere.
			name = strings.Replace(name, "/zsh/vendor-completions/", "/zsh/site-functions/", 1)
			if name != "" && !strings.HasSuffix(name, "/") && !strings.Contains(name, " blocks") {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	unpacked := t.TempDir()
	output(t, "sh", "-c", `cd "$1" && rpm2cpio "$2" | cpio -idm --quiet --no-absolute-filenames`, "sh", unpacked, rpm)
	inRPM := files(output(t, "sh", "-c", `cd "$1" && find . -type f`, "sh", unpacked))
	inDEB := files(output(t, "sh", "-c", `dpkg-deb --fsys-tarfile "$1" | tar -tf -`, "sh", deb))
	if !slices.Equal(inRPM, inDEB) || len(inRPM) < 30 {
		t.Errorf("rpm and deb differ:\n%s\n%s", strings.Join(inRPM, "\n"), strings.Join(inDEB, "\n"))
	}
	if said := output(t, filepath.Join(unpacked, "usr/bin/syncline"), "version"); !strings.Contains(said, version) {
		t.Error(said)
	}
}

// only returns the one file of a pattern.
func only(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v (%v)", pattern, found, err)
	}
	return found[0]
}
