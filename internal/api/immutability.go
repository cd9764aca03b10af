package api

import (
	"context"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

// Immutability tells what the storages of repositories told about the removal of files. The
// contract of the first two methods is that of store.Immutabilities.
type Immutability interface {
	Immutabilities(ctx context.Context) ([]syncline.Immutability, error)
	Immutability(ctx context.Context, repository syncline.ID) (syncline.Immutability, error)
	// Anew has the storage of a repository looked at, and returns at once.
	Anew(repository syncline.ID)
}

// immutabilityJSON returns nil where nobody has looked at the place of a repository. A nil
// look is none.
func immutabilityJSON(r syncline.Repository, i *syncline.Immutability) *v6.Immutability {
	if i == nil || i.At.IsZero() || i.ObjectStorageID != r.ObjectStorageID {
		return nil
	}
	answer := &v6.Immutability{
		CheckedTime: i.At.UTC(), State: "NotKept", Error: present(i.Error), Rule: present(i.Rule),
		Sample:     v6.ImmutabilitySample{Looked: i.Looked, Kept: i.Kept, IsWhole: i.Whole},
		LegalHolds: i.Held, Archived: i.Archived, ArchiveClass: present(i.Class), Rights: i.Rights,
	}
	switch {
	case i.Error == "" && !i.Told:
		answer.State, answer.Error = "Unknown", present("the storage does not tell until when it keeps files")
	case i.Error != "":
		answer.State = "Unknown"
	case i.Kept+i.Held > 0:
		answer.State = "Kept"
	}
	if !i.Oldest.IsZero() {
		answer.Until = &v6.ImmutabilityUntil{Oldest: i.Oldest.UTC(), Newest: i.Newest.UTC()}
	}
	return answer
}
