package gcs

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

var _ storage.Keeper = (*Storage)(nil)

// ask gets a small document about the bucket or an object.
func (s *Storage) ask(ctx context.Context, path string, query url.Values, op operation, into any) error {
	u := *s.base
	u.Path = "/storage/v1/b/" + s.bucket + path
	if op.name != "" {
		u.RawPath = "/storage/v1/b/" + s.bucket + "/o/" + url.PathEscape(s.prefix+op.name)
		u.Path = "/storage/v1/b/" + s.bucket + "/o/" + s.prefix + op.name
	}
	u.RawQuery = query.Encode()
	callCtx, call := objects.Document(ctx)
	resp, err := s.get(callCtx, call, &u, "")
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		if resp.StatusCode == http.StatusNotFound && op.name != "" {
			_ = resp.Body.Close()
			return storage.NotExist(op.name, nil)
		}
		return s.failed(ctx, call, resp, op)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxReason)).Decode(into); err != nil {
		return s.notGCS(nil)
	}
	return nil
}

// Rights implements storage.Keeper. Google tells which of some rights the credentials have.
func (s *Storage) Rights(ctx context.Context) (storage.Rights, error) {
	if s.tokens == nil {
		return storage.RightsUnknown, nil
	}
	var has struct {
		Kind        string   `json:"kind"`
		Permissions []string `json:"permissions"`
	}
	query := url.Values{"permissions": {"storage.objects.get", "storage.objects.create", "storage.objects.delete", "storage.objects.update"}}
	if err := s.ask(ctx, "/iam/testPermissions", query, operation{list: true}, &has); err != nil {
		return storage.RightsUnknown, storage.Refused(err, "the storage does not tell the rights of the credentials")
	}
	if has.Kind != "storage#testIamPermissionsResponse" {
		return storage.RightsUnknown, nil
	}
	for _, right := range has.Permissions {
		if right != "storage.objects.get" {
			return storage.RightsChange, nil
		}
	}
	return storage.RightsRead, nil
}

// Locks implements storage.Keeper. An object can have a hold in every bucket.
func (s *Storage) Locks(ctx context.Context) (can bool, rule string, err error) {
	var bucket struct {
		Policy *struct {
			Seconds string `json:"retentionPeriod"`
			Locked  bool   `json:"isLocked"`
		} `json:"retentionPolicy"`
	}
	if err := s.ask(ctx, "", url.Values{"fields": {"retentionPolicy,kind"}}, operation{list: true}, &bucket); err != nil {
		return false, "", err
	}
	if bucket.Policy == nil {
		return true, "", nil
	}
	rule = "a policy of the bucket"
	if length, err := time.ParseDuration(clip(bucket.Policy.Seconds) + "s"); err == nil {
		rule += ": " + length.String()
	}
	if bucket.Policy.Locked {
		rule += ", locked"
	}
	return true, rule, nil
}

// Kept implements storage.Keeper.
func (s *Storage) Kept(ctx context.Context, name string) (storage.Kept, error) {
	if err := storage.CheckName(name); err != nil {
		return storage.Kept{}, err
	}
	var object struct {
		Policy    time.Time `json:"retentionExpirationTime"`
		Temporary bool      `json:"temporaryHold"`
		Event     bool      `json:"eventBasedHold"`
		Retention *struct {
			Until time.Time `json:"retainUntilTime"`
		} `json:"retention"`
	}
	query := url.Values{"fields": {"retentionExpirationTime,temporaryHold,eventBasedHold,retention,kind"}}
	if err := s.ask(ctx, "", query, operation{name: name}, &object); err != nil {
		return storage.Kept{}, err
	}
	k := storage.Kept{Until: object.Policy, Hold: object.Temporary || object.Event}
	if object.Retention != nil && object.Retention.Until.After(k.Until) {
		k.Until = object.Retention.Until
	}
	return k, nil
}
