//go:build linux

package main_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// asked is a server with one repository, whose answers are compared with those of others.
type asked struct {
	*node

	repo   string
	points []string // the ids, newest first
	root   string   // for restores
	plain  *strings.Replacer
}

// attachS3 attaches the repository of an S3 server.
func (n *node) attachS3(s3 *servers.S3) string {
	n.t.Helper()
	_, _, _, repo := n.attachIn(
		object{"accountType": "amazonS3CompatibleAccount", "userName": s3.AccessKey, "password": s3.SecretKey},
		object{"type": "AmazonS3Compatible", "s3Folder": "some folder/repo", "amazonBucketS3Compatible": object{"servicePoint": s3.URL, "name": "bucket"}}, repoPassword)
	return repo
}

// asking prepares the questions to a server that has synchronized the repository.
func (n *node) asking(repo, root string) *asked {
	n.t.Helper()
	a := &asked{node: n, repo: repo, root: root}
	var points []struct{ ID, SnapshotID, FirstSeenTime string }
	n.waitFor("the restore points have the time of their first sight", func() bool {
		points = nil
		n.call("GET", "/v6/RestorePoints?repositoryId="+repo, nil, 200, &points)
		return points[0].FirstSeenTime != "" && points[len(points)-1].FirstSeenTime != ""
	})
	words := []string{repo, "REPOSITORY"}
	for _, p := range points {
		a.points = append(a.points, p.ID)
		words = append(words, p.ID, "point "+p.SnapshotID, p.FirstSeenTime, "TIME")
	}
	a.plain = strings.NewReplacer(words...)
	return a
}

// waitFor waits until something is so, a minute at most.
func (n *node) waitFor(what string, is func() bool) {
	n.t.Helper()
	again, late := time.NewTicker(50*time.Millisecond), time.After(time.Minute)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-late:
			n.t.Fatalf("in a minute, it did not come true that %s", what)
		}
	}
}

// answer returns all pages of an answer, without what tells two installations apart. $R
// stands for the repository, and $0 and $1 for its restore points.
func (a *asked) answer(path string) string {
	a.t.Helper()
	path = strings.NewReplacer("$R", a.repo, "$0", a.points[0], "$1", a.points[1]).Replace(path)
	var all strings.Builder
	for cursor := ""; ; {
		next := path
		if cursor != "" {
			next += "&cursor=" + url.QueryEscape(cursor)
		}
		status, _, body := a.get(next)
		if status != 200 {
			a.t.Fatalf("%s: %d: %s", next, status, body)
		}
		var page struct{ NextCursor string }
		if strings.HasPrefix(body, "{") {
			if err := json.Unmarshal([]byte(body), &page); err != nil {
				a.t.Fatalf("%s: %v", next, err)
			}
		}
		if page.NextCursor != "" {
			body = strings.Replace(body, page.NextCursor, "CURSOR", 1)
		}
		all.WriteString(a.plain.Replace(body))
		if cursor = page.NextCursor; cursor == "" {
			return all.String()
		}
	}
}

// questionsOf are of all that a restore point is looked at with.
func questionsOf(src string) (all []string) {
	folder, file := "path="+url.QueryEscape(src), "path="+url.QueryEscape(src+"/text <&>")
	raw := "rawPath=" + base64.RawURLEncoding.EncodeToString([]byte(src+"/gone \xff"))
	for _, order := range []string{"name", "size&order=desc", "modified&foldersFirst=true", "type"} {
		all = append(all, "/v6/RestorePoints/$1/Entries?limit=4&sort="+order+"&path="+url.QueryEscape(src+"/many"))
	}
	for _, point := range []string{"$0", "$1"} {
		at := "/v6/RestorePoints/" + point
		all = append(all, at, at+"/Entries?limit=3&"+folder, at+"/Entry?"+file, at+"/Statistics", at+"/FolderSizes?"+folder,
			at+"/Content?"+file, at+"/Archive?format=tar&"+folder, at+"/Archive?format=zip&"+folder)
	}
	for _, query := range []string{"query=file", "query=file&limit=7&repositoryId=$R", "query=*y&mode=pattern", "query=new&minSize=1", "query=TEXT&ignoreCase=true"} {
		all = append(all, "/v6/Search?"+query)
	}
	return append(all,
		"/v6/RestorePoints?repositoryId=$R", "/v6/RestorePoints/$1/Entry?"+raw, "/v6/RestorePoints/$1/Content?"+raw,
		"/v6/RestorePoints/$1/Differences?limit=3&with=$0", "/v6/RestorePoints/$1/DifferenceSummary?with=$0", "/v6/RestorePoints/$1/DifferenceStatistics?with=$0",
		"/v6/BackupRepositories/$R/History?"+file, "/v6/BackupRepositories/$R/Statistics", "/v6/BackupRepositories/$R/Snapshots",
	)
}

// Two nodes on PostgreSQL answer all questions about a repository in S3 as one server on
// SQLite does, and restore the same files.
func TestFleetAnswersAsOneServer(t *testing.T) {
	t.Parallel()
	db, key := pgtest.New(t), fleetKeyFile(t)
	repo, src := changingTree(t)
	s3, _ := inS3(t, repo)
	root := func() string {
		path, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	roots := []string{root(), root(), root()}
	single := start(t, filepath.Join(t.TempDir(), "data"), "--restore-root", roots[0])
	one := startNode(t, db, key, "--restore-root", roots[1])
	alone, shared := single.attachS3(s3), one.attachS3(s3)
	single.finish(single.sync(alone).ID)
	one.finish(one.sync(shared).ID)
	two := startNode(t, db, key, "--restore-root", roots[2])
	want := single.asking(alone, roots[0])
	nodes := []*asked{one.asking(shared, roots[1]), two.asking(shared, roots[2])}
	for _, question := range questionsOf(src) {
		answer := want.answer(question)
		for i, n := range nodes {
			for range 2 { // with and without the node's copies
				if got := n.answer(question); got != answer {
					t.Errorf("%s: node %d answers\n%.1500q\nand the single server\n%.1500q", question, i, got, answer)
				}
			}
		}
	}
	for _, n := range append(nodes, want) {
		target := filepath.Join(n.root, "restored")
		job := n.restored(n.restore(n.points[0], object{"targetPath": target, "verify": true}).ID)
		if job.State != "Succeeded" || job.Statistics.Files == 0 {
			t.Errorf("ended as %+v", job)
		}
		sameFiles(t, src, filepath.Join(target, src))
		if got, want := fmt.Sprintf("%+v", job.Statistics), fmt.Sprintf("%+v", n.restored(job.ID).Statistics); got != want {
			t.Errorf("told %s, and then %s", want, got)
		}
	}
}
