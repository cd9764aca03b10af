package s3

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // Amazon's tools name the files so
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// ssoToken is the file that `aws sso login` leaves. Fields that are not known are kept when
// it is written.
type ssoToken struct {
	AccessToken           string    `json:"accessToken"`
	ExpiresAt             time.Time `json:"expiresAt"`
	RefreshToken          string    `json:"refreshToken"`
	ClientID              string    `json:"clientId"`
	ClientSecret          string    `json:"clientSecret"`
	RegistrationExpiresAt time.Time `json:"registrationExpiresAt"`
	Region                string    `json:"region"`

	path string
	raw  map[string]json.RawMessage
}

// signedOn returns the keys of a profile that the user is signed on for with `aws sso
// login`.
func (p *profileSource) signedOn(ctx context.Context, file profiles, name string) (credentials.Value, error) {
	s := file.section(name)
	session, region := file.section("sso-session "+s["sso_session"]), s["sso_region"]
	cacheKey := s["sso_start_url"]
	if s["sso_session"] != "" {
		cacheKey = s["sso_session"]
		if r := session["sso_region"]; r != "" {
			region = r
		}
	}
	if s["sso_account_id"] == "" || s["sso_role_name"] == "" || cacheKey == "" {
		return credentials.Value{}, syncline.Errorf(syncline.CodeInvalid, "the AWS profile %q is one for SSO that is not whole: it needs sso_account_id, sso_role_name, and sso_session or sso_start_url", name)
	}
	token, err := p.readToken(cacheKey, name)
	if err != nil {
		return credentials.Value{}, err
	}
	if region == "" {
		region = token.Region
	}
	if region == "" || strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return credentials.Value{}, syncline.Errorf(syncline.CodeInvalid, "the AWS profile %q has no usable sso_region", name)
	}
	if time.Until(token.ExpiresAt) < renewAgain {
		if err := p.refresh(ctx, token, region, name); err != nil {
			return credentials.Value{}, err
		}
	}
	return p.roleKeys(ctx, token.AccessToken, region, s, name)
}

// login is the advice to sign on again.
func login(name string) string { return "sign on with: aws sso login --profile " + name }

// readToken reads the file of a sign-on.
func (p *profileSource) readToken(cacheKey, name string) (*ssoToken, error) {
	sum := sha1.Sum([]byte(cacheKey)) //nolint:gosec // no secret depends on it
	t := &ssoToken{path: filepath.Join(p.Home, ".aws", "sso", "cache", hex.EncodeToString(sum[:])+".json")}
	text, err := readBounded(t.path, maxTokenFile)
	if err == nil {
		err = json.Unmarshal([]byte(text), t)
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &t.raw)
	}
	if err != nil || t.AccessToken == "" {
		return nil, syncline.WrapError(syncline.CodeForbidden, err, "nobody is signed on for the AWS profile %q; %s", name, login(name))
	}
	return t, nil
}

// ssoService returns the address of a service of SSO in a region.
func ssoService(service, region string) string {
	suffix := "amazonaws.com"
	switch {
	case strings.HasPrefix(region, "cn-"):
		suffix = "amazonaws.com.cn"
	case strings.HasPrefix(region, "eusc-"):
		suffix = "amazonaws.eu"
	}
	return "https://" + service + "." + region + "." + suffix
}

// refresh replaces a sign-on that ends, as Amazon's tools do, and keeps the new one in
// the file for them.
func (p *profileSource) refresh(ctx context.Context, t *ssoToken, region, name string) error {
	over := storage.Refused(nil, "the sign-on for the AWS profile %q has ended; %s", name, login(name))
	if t.RefreshToken == "" || t.ClientID == "" || !t.RegistrationExpiresAt.IsZero() && time.Until(t.RegistrationExpiresAt) < 0 {
		if time.Until(t.ExpiresAt) > leastLife {
			return nil
		}
		return over
	}
	body, err := json.Marshal(map[string]string{"grantType": "refresh_token", "clientId": t.ClientID, "clientSecret": t.ClientSecret, "refreshToken": t.RefreshToken})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, ssoService("oidc", region)+"/token", bytes.NewReader(body))
	if err != nil {
		return syncline.WrapError(syncline.CodeInvalid, objects.Opaque(err), "the sign-on for the AWS profile %q cannot be renewed", name)
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := objects.Ask(p.client, req, "the sign-on service of Amazon")
	if err != nil {
		return err
	}
	var given struct {
		AccessToken  string `json:"accessToken"`
		RefreshToken string `json:"refreshToken"`
		ExpiresIn    int    `json:"expiresIn"`
		Error        string `json:"error"`
	}
	if err := json.Unmarshal(answer.Body, &given); err != nil || answer.Status != http.StatusOK || given.AccessToken == "" {
		return syncline.WrapError(syncline.CodeForbidden, over, "the sign-on for the AWS profile %q has ended, and cannot be renewed (%d %s); %s", name, answer.Status, codeText(given.Error), login(name))
	}
	t.AccessToken, t.ExpiresAt = given.AccessToken, time.Now().Add(time.Duration(min(max(given.ExpiresIn, 0), 7*24*3600))*time.Second)
	if given.RefreshToken != "" {
		t.RefreshToken = given.RefreshToken
	}
	return t.write(name)
}

// write replaces the file of a sign-on.
func (t *ssoToken) write(name string) error {
	for field, value := range map[string]string{"accessToken": t.AccessToken, "refreshToken": t.RefreshToken, "expiresAt": t.ExpiresAt.UTC().Format(time.RFC3339)} {
		text, err := json.Marshal(value)
		if err != nil {
			return err
		}
		t.raw[field] = text
	}
	text, err := json.Marshal(t.raw)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(t.path), ".syncline-*") // mode 0600
	if err == nil {
		_, err = tmp.Write(text)
		if e := tmp.Close(); err == nil {
			err = e
		}
		if err == nil {
			err = os.Rename(tmp.Name(), t.path)
		}
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}
	if err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "the renewed sign-on for the AWS profile %q cannot be kept in %s; %s", name, t.path, login(name))
	}
	return nil
}

// roleKeys gets the keys of a profile's role with a sign-on.
func (p *profileSource) roleKeys(ctx context.Context, token, region string, s map[string]string, name string) (credentials.Value, error) {
	query := url.Values{"account_id": {s["sso_account_id"]}, "role_name": {s["sso_role_name"]}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ssoService("portal.sso", region)+"/federation/credentials?"+query.Encode(), http.NoBody)
	if err != nil {
		return credentials.Value{}, syncline.WrapError(syncline.CodeInvalid, objects.Opaque(err), "the keys of the AWS profile %q cannot be asked for", name)
	}
	req.Header.Set("X-Amz-Sso_bearer_token", token)
	answer, err := objects.Ask(p.client, req, "the sign-on portal of Amazon")
	if err != nil {
		return credentials.Value{}, err
	}
	var given struct {
		Keys struct {
			AccessKeyID     string `json:"accessKeyId"`
			SecretAccessKey string `json:"secretAccessKey"`
			SessionToken    string `json:"sessionToken"`
			Expiration      int64  `json:"expiration"` // ms
		} `json:"roleCredentials"`
	}
	k := &given.Keys
	switch {
	case answer.Status == http.StatusUnauthorized:
		return credentials.Value{}, storage.Refused(nil, "the sign-on for the AWS profile %q has ended; %s", name, login(name))
	case answer.Status != http.StatusOK:
		return credentials.Value{}, storage.Refused(nil, "the sign-on portal of Amazon gives no keys for the role %q in the account %q of the AWS profile %q (%d)", s["sso_role_name"], s["sso_account_id"], name, answer.Status)
	case json.Unmarshal(answer.Body, &given) != nil || k.AccessKeyID == "" || k.SecretAccessKey == "":
		return credentials.Value{}, syncline.Errorf(syncline.CodeUnavailable, "the sign-on portal at %s does not answer like one", req.URL.Host)
	}
	return credentials.Value{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken, Expiration: time.UnixMilli(k.Expiration)}, nil
}
