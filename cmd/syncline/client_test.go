package main_test

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
)

// all collects what an iterator has.
func all[T any](t *testing.T, seq iter.Seq2[T, error]) (list []T) {
	t.Helper()
	for x, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, x)
	}
	return list
}

// must returns a function that ends the test on an error.
func must[T any](x T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

// The Go client does with a real server what its methods say.
func TestClientAgainstServer(t *testing.T) {
	t.Parallel()
	repo, src := changingTree(t)
	target := t.TempDir()
	n := start(t, t.TempDir(), "--restore-root", target)
	c := must(client.New(n.url, client.Options{UserName: "administrator", Password: adminPassword, Fingerprint: n.fingerprint()}))(t)
	t.Cleanup(c.CloseIdleConnections)
	ctx := t.Context()
	if token := must(c.SignIn(ctx))(t); token.UserName != "administrator" || token.RefreshToken == "" {
		t.Errorf("signed in as %q", token.UserName)
	}
	if i := must(c.Instance(ctx))(t); i.InstallationID == "" || i.Version == "" {
		t.Errorf("the instance is %+v", i)
	}
	proxies := must(c.Proxies(ctx))(t)
	if len(proxies) != 1 || proxies[0].ID == "" {
		t.Fatalf("the servers are %+v", proxies)
	}
	if err := errors.Join(c.RescanProxies(ctx), c.RescanProxies(ctx, proxies[0].ID)); err != nil {
		t.Error(err)
	}
	if err := c.RescanProxies(ctx, "855f483e-1994-491b-9f62-0f7bac0d1a4f"); client.StatusOf(err) != 400 {
		t.Errorf("a server that is not there: %v", err)
	}
	key := must(c.AddEncryptionKey(ctx, repoPassword, "of main"))(t)
	if got := must(c.EncryptionKey(ctx, key.ID))(t); got.Description != "of main" || len(must(c.EncryptionKeys(ctx))(t)) != 1 {
		t.Errorf("the key is %+v", got)
	}
	r := must(c.AttachRepository(ctx, client.NewRepository{Name: "main", Path: repo, EncryptionKeyID: key.ID}))(t)
	if client.StatusOf(c.DeleteEncryptionKey(ctx, key.ID)) != 409 {
		t.Error("a key in use was deleted")
	}
	nothing := ""
	if err := c.ChangeRepository(ctx, r.ID, client.RepositoryChange{Name: "first", Description: &nothing}); err != nil {
		t.Error(err)
	}
	if got := must(c.Repository(ctx, r.ID))(t); got.Name != "first" || got.RetentionType != r.RetentionType || got.Path != repo || !got.IsOutOfSync {
		t.Errorf("the repository is %+v", got)
	}
	sessionsOfClient(t, c, r.ID)
	exploreWithClient(ctx, t, c, r.ID, src)
	archivesOfClient(t, c, r.ID, src)
	restoresOfClient(t, c, r.ID, src, target)
	accountsOfClient(t, c)

	if err := c.DetachRepository(ctx, r.ID); err != nil {
		t.Error(err)
	}
	if _, err := c.Repository(ctx, r.ID); client.StatusOf(err) != 404 {
		t.Errorf("after it was detached: %v", err)
	}
	if err := c.DeleteEncryptionKey(ctx, key.ID); err != nil {
		t.Error(err)
	}
	token := must(c.SignIn(ctx))(t)
	if err := c.SignOut(ctx); err != nil {
		t.Error(err)
	}
	n.token = token.AccessToken
	n.call("GET", "/v6/BackupRepositories", nil, 401, nil)
}

func sessionsOfClient(t *testing.T, c *client.Client, repository syncline.ID) {
	ctx := t.Context()
	session := must(c.Synchronize(ctx, repository))(t)
	watched := all(t, c.WatchSession(ctx, session.ID))
	last := watched[len(watched)-1]
	if !last.Ended() || last.Result != "Success" || last.ProgressPercent != 100 || last.Statistics.SnapshotsAdded != 2 {
		t.Errorf("the session ended as %+v", last)
	}
	if err := c.StopSession(ctx, session.ID); err != nil {
		t.Error(err)
	}
	if got := must(c.Session(ctx, session.ID))(t); got.Result != "Success" || len(must(c.Sessions(ctx))(t)) != 1 {
		t.Errorf("the session is %+v", got)
	}
	if list := all(t, c.RepositorySessions(ctx, repository)); len(list) != 1 || list[0].ID != session.ID {
		t.Errorf("the sessions are %+v", list)
	}
	if list := all(t, c.AllSessions(ctx, client.SessionQuery{RepositoryID: repository, State: "None"})); len(list) != 1 || list[0].ID != session.ID {
		t.Errorf("the ended sessions are %+v", list)
	}
	if list := all(t, c.AllSessions(ctx, client.SessionQuery{State: "Failed"})); len(list) != 0 {
		t.Errorf("the failed sessions are %+v", list)
	}
	if log := all(t, c.SessionLog(ctx, session.ID)); len(log) == 0 || log[0].Number != 1 {
		t.Errorf("the log is %+v", log)
	}
}

func exploreWithClient(ctx context.Context, t *testing.T, c *client.Client, repository syncline.ID, src string) {
	points := must(c.RestorePoints(ctx, repository))(t) // newest first
	after, before := points[0].ID, points[1].ID
	if got := must(c.RestorePoint(ctx, after))(t); got.Snapshot.ID != points[0].Snapshot.ID {
		t.Errorf("the restore point is %+v", got)
	}
	if list := must(c.Snapshots(ctx, repository))(t); len(list) != 2 || list[1].ID != after || list[1].Snapshot.ID != points[0].Snapshot.ID || list[1].Snapshot.Parent.IsZero() || list[1].Snapshot.Tree.IsZero() {
		t.Errorf("the snapshots are %+v", list)
	}
	if list := all(t, c.Entries(ctx, before, client.EntriesQuery{Path: src + "/many", Sort: "size", Descending: true})); len(list) != 25 || list[0].Size < list[24].Size {
		t.Errorf("the entries are %+v", list)
	}
	if list := all(t, c.Entries(ctx, before, client.EntriesQuery{Path: src + "/same", Recursive: true})); len(list) != 2 || list[1].Path != src+"/same/deep/down" {
		t.Errorf("the tree is %+v", list)
	}
	odd := must(c.Entry(ctx, before, src+"/gone \xff"))(t)
	if odd.Name != "gone \xff" || odd.ContentID == "" || odd.Mode != 0o644 {
		t.Errorf("the odd entry is %+v", odd)
	}
	if list := all(t, c.History(ctx, repository, src+"/gone \xff", "one")); len(list) != 2 || list[0].Entry == nil || list[1].Entry != nil || list[1].Event != client.VersionVanished {
		t.Errorf("the history is %+v", list)
	}
	changes := all(t, c.Differences(ctx, before, after, client.DifferencesQuery{Path: src, Kind: client.ChangeContent}))
	if len(changes) != 2 || changes[0].Path != src+"/in/x/y" || changes[0].Before == nil || changes[0].After == nil {
		t.Errorf("the differences are %+v", changes)
	}
	if sum := must(c.DifferenceSummary(ctx, before, after, src))(t); sum.ContentChanged != 2 || sum.TypeChanged != 1 {
		t.Errorf("the summary is %+v", sum)
	}
	if n := must(c.DifferenceStatistics(ctx, before, after, ""))(t); n.ChangedFiles != 2 || n.Added.Files != 1 || n.Removed.Folders != 2 || n.Added.Bytes == 0 {
		t.Errorf("the statistics are %+v", n)
	}
	if list := all(t, c.Search(ctx, client.SearchQuery{Text: []string{"text <&>"}, MatchCase: true})); len(list) != 2 || list[0].Path != src+"/text <&>" {
		t.Errorf("found %+v", list)
	}
	if n := must(c.RepositoryStatistics(ctx, repository, 0))(t); n.RestorePoints != 2 || len(n.Growth) != 2 || n.Totals.Files == 0 {
		t.Errorf("the repository's statistics are %+v", n)
	}
	if n := must(c.RestorePointStatistics(ctx, before))(t); n.RestorePointID != before || n.Files != 33 || len(n.LargestFiles) == 0 {
		t.Errorf("the restore point's statistics are %+v", n)
	}
	if n := must(c.FolderSizes(ctx, before, client.FolderSizesQuery{Path: src, Depth: 1, Limit: 2}))(t); n.Files != 33 || len(n.Children) != 2 {
		t.Errorf("the sizes are %+v", n)
	}
	file := must(c.Content(ctx, before, src+"/gone \xff"))(t)
	if text, err := io.ReadAll(file); err != nil || string(text) != "first of gone \xff" || file.Close() != nil {
		t.Errorf("the content is %q, %v", text, err)
	}
	part := must(c.ContentRange(ctx, after, src+"/text <&>", 8, 3))(t)
	if text, err := io.ReadAll(part); err != nil || string(text) != "and" || part.Close() != nil || part.Size != 18 {
		t.Errorf("the part is %q of %d bytes, %v", text, part.Size, err)
	}
	if _, err := c.Content(ctx, before, src); client.StatusOf(err) == 0 {
		t.Errorf("the content of a folder: %v", err)
	}
}

func archivesOfClient(t *testing.T, c *client.Client, repository syncline.ID, src string) {
	ctx := t.Context()
	points := must(c.RestorePoints(ctx, repository))(t)
	counted := must(c.RepositoryCounts(ctx, repository, client.CountFilesByContents, points[1].ID))(t)
	if all := must(c.RepositoryCounts(ctx, repository, client.CountRestoreSize))(t); counted.RestorePoints != 1 || counted.Files == 0 || all.RestorePoints != 2 || all.Size <= counted.Size {
		t.Errorf("counted %+v and %+v", counted, all)
	}
	archive := must(c.Archive(ctx, points[1].ID, client.ArchiveQuery{Format: client.Tar, Paths: []string{src + "/gone \xff", src + "/in/x/y"}}))(t)
	names := ""
	for tr := tar.NewReader(archive); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names += h.Name + "\n"
	}
	if names != "gone \xff\nin/\nin/x/\nin/x/y\n" || archive.Close() != nil {
		t.Errorf("the archive has %q", names)
	}
	if _, err := c.Archive(ctx, points[0].ID, client.ArchiveQuery{Paths: []string{"/none"}}); client.StatusOf(err) != 404 {
		t.Errorf("an archive of what is not there: %v", err)
	}
}

func restoresOfClient(t *testing.T, c *client.Client, repository syncline.ID, src, target string) {
	ctx := t.Context()
	if list := must(c.RestoreTargets(ctx))(t); len(list) != 1 || list[0].Path != target {
		t.Errorf("the targets are %+v", list)
	}
	point := must(c.RestorePoints(ctx, repository))(t)[1].ID
	job := must(c.StartRestoreJob(ctx, point, client.NewRestoreJob{
		TargetPath: filepath.Join(target, "here"), Paths: []string{src + "/many"}, Overwrite: syncline.OverwriteIfChanged,
	}))(t)
	watched := all(t, c.WatchRestoreJob(ctx, job.ID))
	last := watched[len(watched)-1]
	if !last.Ended() || last.State != "Succeeded" || last.Statistics.Files != 25 || last.Overwrite != "IfChanged" {
		t.Errorf("the restore ended as %+v", last)
	}
	if _, err := os.Stat(filepath.Join(target, "here", src, "many", "file 07")); err != nil {
		t.Error(err)
	}
	if err := c.StopRestoreJob(ctx, job.ID); err != nil {
		t.Error(err)
	}
	if got := must(c.RestoreJob(ctx, job.ID))(t); got.State != "Succeeded" || got.RestorePointID != point {
		t.Errorf("the restore is %+v", got)
	}
	if list := all(t, c.RestoreJobs(ctx)); len(list) != 1 || list[0].ID != job.ID {
		t.Errorf("the restores are %+v", list)
	}
	if log := all(t, c.RestoreJobLog(ctx, job.ID)); len(log) != 0 {
		t.Errorf("the log of a restore that met nothing is %+v", log)
	}
}

func accountsOfClient(t *testing.T, c *client.Client) {
	ctx := t.Context()
	account := must(c.AddAccount(ctx, client.NewAccount{Type: client.AccountS3Compatible, UserName: "key", Secret: "a secret"}))(t)
	text := "described"
	if err := c.ChangeAccount(ctx, account.ID, client.AccountChange{Description: &text}); err != nil {
		t.Error(err)
	}
	if got := must(c.Account(ctx, account.ID))(t); got.UserName != "key" || got.Description != text || len(must(c.Accounts(ctx))(t)) != 1 {
		t.Errorf("the account is %+v", got)
	}
	nowhere := client.ObjectStorage{Name: "s", Type: client.StorageS3Compatible, AccountID: account.ID, S3CompatibleBucket: client.S3CompatibleBucket{ServicePoint: "http://127.0.0.1:1", Name: "b"}}
	if _, err := c.AddObjectStorage(ctx, nowhere); client.StatusOf(err) == 0 || strings.Contains(err.Error(), "a secret") {
		t.Errorf("a storage that is not there: %v", err)
	}
	if _, err := c.S3CompatibleBuckets(ctx, client.S3CompatiblePlace{AccountID: account.ID, ServicePoint: "http://127.0.0.1:1"}); client.StatusOf(err) == 0 {
		t.Errorf("buckets where nothing is: %v", err)
	}
	if len(must(c.ObjectStorages(ctx))(t)) != 0 {
		t.Error("a storage was added that cannot be")
	}
	if err := c.DeleteAccount(ctx, account.ID); err != nil {
		t.Error(err)
	}
}
