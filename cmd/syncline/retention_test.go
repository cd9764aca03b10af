package main_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
)

// TestDoctorTellsRetention attaches a repository whose objects are locked, and asks the doctor.
func TestDoctorTellsRetention(t *testing.T) {
	t.Parallel()
	until := time.Now().AddDate(0, 0, 40).UTC()
	server := fillLocked(t, until)
	data := filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	n.attachIn(object{"accountType": "amazonS3CompatibleAccount", "userName": server.AccessKey, "password": server.SecretKey},
		object{"type": "AmazonS3Compatible", "s3Folder": "repo", "amazonBucketS3Compatible": object{"servicePoint": server.URL, "name": "bucket"}}, resticfixture.Password)
	day := until.Format(time.DateOnly)
	got := runProgram(t, nil, "doctor", "--data", data)
	if !strings.Contains(strings.Join(strings.Fields(got.stdout+got.stderr), " "), "files are immutable until "+day+" at the earliest and "+day+" at the latest in a sample of") {
		t.Errorf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
}
