package azure

import (
	"context"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"

	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

var _ storage.Keeper = (*Storage)(nil)

// Rights implements storage.Keeper. A key may do everything, and a signature says what it
// may do.
func (s *Storage) Rights(context.Context) (storage.Rights, error) {
	switch rights := s.sas.Get("sp"); {
	case s.token, s.sas != nil && rights == "": // rights are an identity's, or a stored policy's
		return storage.RightsUnknown, nil
	case s.sas != nil && !strings.ContainsAny(rights, "acdwxypm"):
		return storage.RightsRead, nil
	}
	return storage.RightsChange, nil
}

// Locks implements storage.Keeper. The service tells that a container has a policy, and not
// how long it keeps blobs.
func (s *Storage) Locks(ctx context.Context) (can bool, rule string, err error) {
	callCtx, call := objects.Document(ctx)
	p, err := s.service.NewContainerClient(s.container).GetProperties(callCtx, nil)
	if err != nil {
		return false, "", s.translate(ctx, call, err, operation{container: s.container, list: true})
	}
	is := func(b *bool) bool { return b != nil && *b }
	var rules []string
	if is(p.HasImmutabilityPolicy) {
		rules = append(rules, "a policy of the container, whose length the storage does not tell")
	}
	if is(p.HasLegalHold) {
		rules = append(rules, "a legal hold of the container")
	}
	rule = strings.Join(rules, ", ")
	return rule != "" || is(p.IsImmutableStorageWithVersioningEnabled), rule, nil
}

// Kept implements storage.Keeper.
func (s *Storage) Kept(ctx context.Context, name string) (storage.Kept, error) {
	if err := storage.CheckName(name); err != nil {
		return storage.Kept{}, err
	}
	callCtx, call := objects.Document(ctx)
	p, err := s.service.NewContainerClient(s.container).NewBlobClient(s.prefix+name).GetProperties(callCtx, nil)
	if err != nil {
		if call.Status() == http.StatusNotFound && ctx.Err() == nil {
			return storage.Kept{}, storage.NotExist(name, nil)
		}
		return storage.Kept{}, s.translate(ctx, call, err, operation{container: s.container, name: name})
	}
	k := storage.Kept{Hold: p.LegalHold != nil && *p.LegalHold, Archived: p.AccessTier != nil && *p.AccessTier == string(blob.AccessTierArchive)}
	if k.Archived {
		k.Class = string(blob.AccessTierArchive)
	}
	if p.ImmutabilityPolicyExpiresOn != nil {
		k.Until = p.ImmutabilityPolicyExpiresOn.UTC()
	}
	return k, nil
}
