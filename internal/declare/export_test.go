package declare

import (
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
)

// A thing of nobody's that uses what another file declares is left out of an export, and
// one of the file's own ends it.
func TestExportLeavesOut(t *testing.T) {
	x := &exporter{name: "one", variables: map[string]bool{}, labels: map[syncline.ID]string{}, State: State{
		Accounts: []client.Account{{ID: "a", Description: "theirs", ManagedBy: "two"}},
		Keys:     []client.EncryptionKey{{ID: "k", Description: "ours"}, {ID: "l", Description: "theirs", ManagedBy: "two"}},
		Storages: []client.ObjectStorage{{ID: "s", Name: "cellar", AccountID: "a"}},
		Repositories: []client.Repository{
			{ID: "1", Name: "with their key", EncryptionKeyID: "l"},
			{ID: "2", Name: "in their storage", EncryptionKeyID: "k", ObjectStorageID: "s"},
			{ID: "3", Name: "free", EncryptionKeyID: "k", Path: "/srv"},
		},
		Rules: []client.AlarmRule{{ID: "r", Name: "of such a repository", RepositoryID: "1", MaxAge: "26h"}, {ID: "q", Name: "of the free one", RepositoryID: "3", MaxAge: "26h"}},
	}}
	text, err := x.text()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{`storage "cellar"`, `repository "with their key"`, `repository "in their storage"`, `alarm rule "of such a repository"`} {
		if !strings.Contains(string(text), "# Left out, because it uses what another file declares: the "+name+"\n") {
			t.Errorf("%s is not left out:\n%s", name, text)
		}
	}
	f, err := Read(strings.NewReader(string(text)), "")
	if err != nil || len(f.Repositories) != 1 || f.Repositories[0].Name != "free" || len(f.Rules) != 1 || len(f.Storages) != 0 || len(f.Keys) != 1 {
		t.Errorf("got %+v, %v", f, err)
	}
	x.Repositories[0].ManagedBy, x.left = "one", nil
	if _, err := x.text(); syncline.CodeOf(err) != syncline.CodeConflict || !strings.Contains(err.Error(), "with their key") {
		t.Errorf("got %v", err)
	}
}
