package rclone_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/rclone"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

func open(t *testing.T, remote string, c rclone.Config) *rclone.Storage {
	t.Helper()
	if c.Said == nil {
		c.Said = func(line string) { t.Log(line) }
	}
	s, err := rclone.Open(remote, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func writeFiles(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestConformance runs the suite with rclone itself, for a remote that is a local folder.
func TestConformance(t *testing.T) {
	program := []string{servers.Rclone(t), "--config", servers.RcloneConfig(t, map[string][]string{"here": {"type = local"}})}
	storagetest.RunRepository(t, func(t *testing.T, files map[string][]byte) storage.Storage {
		dir := t.TempDir()
		writeFiles(t, dir, files)
		return open(t, "here:"+dir, rclone.Config{Program: program})
	})
}

// TestConformanceOverS3 runs the suite with rclone itself, for a remote on an S3 server.
func TestConformanceOverS3(t *testing.T) {
	path, server := servers.Rclone(t), servers.StartS3(t)
	t.Setenv("AWS_CA_BUNDLE", "") // rclone cannot use one
	program := []string{path, "--config", servers.RcloneConfig(t, map[string][]string{"far": server.RcloneRemote()})}
	var n atomic.Int64
	storagetest.RunRepository(t, func(t *testing.T, files map[string][]byte) storage.Storage {
		bucket := fmt.Sprintf("bucket-%d", n.Add(1))
		server.Put(t, bucket, "some/folder", files)
		return open(t, "far:"+bucket+"/some/folder", rclone.Config{Program: program})
	})
}

// TestRequests counts requests: each call is one, and none only asks whether the program
// is there.
func TestRequests(t *testing.T) {
	program := []string{servers.Rclone(t), "--config", servers.RcloneConfig(t, map[string][]string{"here": {"type = local"}})}
	dir := t.TempDir()
	files := storagetest.SomeFiles()
	writeFiles(t, dir, files)
	s := storage.NewCounter(open(t, "here:"+dir, rclone.Config{Program: program}))
	if _, err := storagetest.ListAll(t, s, "snapshots"); err != nil {
		t.Fatal(err)
	}
	name := storagetest.Pack(7)
	got, err := storagetest.ReadAll(t.Context(), s, name, 10, 100)
	if err != nil || !bytes.Equal(got, files[name][10:110]) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	requests, n, retries := s.Counts()
	if len(requests) != 2 || requests["list snapshots"] != 1 || requests["get data"] != 1 || n != 100 || retries != 0 {
		t.Errorf("%v, %d bytes, %d retries", requests, n, retries)
	}
}

// TestWrongRemote names a remote that rclone does not have.
func TestWrongRemote(t *testing.T) {
	program := []string{servers.Rclone(t), "--config", servers.RcloneConfig(t, nil)}
	var said []string
	s := storage.NewRetry(open(t, "none:path", rclone.Config{Program: program, Said: func(line string) { said = append(said, line) }}), storage.RetryOptions{})
	_, err := storagetest.ReadAll(t.Context(), s, "config", 0, -1)
	if syncline.CodeOf(err) != syncline.CodeUnavailable || syncline.MessageOf(err) != "rclone ended (exit status 1) before it answered; its own lines say why" {
		t.Errorf("%v", err)
	}
	if all := strings.Join(said, "\n"); !strings.Contains(all, "didn't find section in config file") {
		t.Errorf("it said %q", all)
	}
}
