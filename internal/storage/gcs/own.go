package gcs

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// wide is the right of a token that gets another account's token.
const wide = "https://www.googleapis.com/auth/cloud-platform"

// userToken gets a token with the credentials of this program's user or machine: the file
// that Google's tools have made, or else the metadata service. Such a file can be the key of
// a service account, a user's sign-in, a federation with another issuer, or the right to act
// for another account.
func userToken(ctx context.Context, right string) (*oauth2.Token, error) {
	if !hasFile() {
		return metadataToken(ctx, right)
	}
	creds, err := google.FindDefaultCredentials(ctx, right)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "there are no usable credentials for Google Cloud Storage; name a JSON key with GOOGLE_APPLICATION_CREDENTIALS, or give GOOGLE_ACCESS_TOKEN")
	}
	return creds.TokenSource.Token()
}

// hasFile reports whether the environment or Google's tools have named a file.
func hasFile() bool {
	if os.Getenv("GOOGLE_APPLICATION_CREDENTIALS") != "" {
		return true
	}
	dir := filepath.Join(os.Getenv("HOME"), ".config")
	if runtime.GOOS == "windows" {
		dir = os.Getenv("APPDATA")
	}
	_, err := os.Stat(filepath.Join(dir, "gcloud", "application_default_credentials.json"))
	return err == nil
}

// metadataAddress is Google's metadata service. Its name, metadata.google.internal, needs a
// name server.
const metadataAddress = "169.254.169.254"

// metadataToken gets the token of the machine's service account.
func metadataToken(ctx context.Context, right string) (*oauth2.Token, error) {
	host := os.Getenv("GCE_METADATA_HOST")
	if host == "" {
		if objects.Machine(objects.Google) == objects.Outside {
			return nil, noCredentials()
		}
		host = metadataAddress
	}
	query := url.Values{"scopes": {right}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/computeMetadata/v1/instance/service-accounts/default/token?"+query.Encode(), http.NoBody)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, objects.Opaque(err), "GCE_METADATA_HOST is no host's name")
	}
	req.Header.Set("Metadata-Flavor", "Google")
	answer, err := objects.Ask(objects.MetadataClient(), req, "the machine's metadata service")
	switch {
	case err != nil && host == metadataAddress && ctx.Err() == nil:
		return nil, noCredentials()
	case err != nil:
		return nil, err
	case answer.Header.Get("Metadata-Flavor") != "Google":
		return nil, syncline.Errorf(syncline.CodeUnavailable, "%s does not answer like Google's metadata service", host)
	case answer.Status == http.StatusNotFound:
		return nil, storage.Refused(nil, "this machine has no service account; assign one to it")
	case answer.Status != http.StatusOK:
		return nil, storage.Refused(nil, "the machine's metadata service gives no token (%d); look at the machine's service account and its access scopes", answer.Status)
	}
	return readToken(answer.Body, "the machine's metadata service")
}

func noCredentials() error {
	return syncline.Errorf(syncline.CodeInvalid, "there are no usable credentials for Google Cloud Storage, and this machine has no identity of Google's; name a JSON key with GOOGLE_APPLICATION_CREDENTIALS, sign in with gcloud auth application-default login, or give GOOGLE_ACCESS_TOKEN")
}

// readToken reads a token with its end.
func readToken(body []byte, what string) (*oauth2.Token, error) {
	var given struct {
		Token   string `json:"access_token"`
		Seconds int    `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &given); err != nil || given.Token == "" {
		return nil, syncline.Errorf(syncline.CodeUnavailable, "%s does not answer like such a service", what)
	}
	return &oauth2.Token{AccessToken: given.Token, Expiry: time.Now().Add(time.Duration(min(max(given.Seconds, 0), 24*3600)) * time.Second)}, nil
}

// actFor gets the token of another account, which the holder of a token may act for.
func actFor(ctx context.Context, client *http.Client, account string, with *oauth2.Token) (*oauth2.Token, error) {
	body, err := json.Marshal(map[string]any{"scope": []string{scope}, "lifetime": "3600s"})
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "https", Host: "iamcredentials.googleapis.com", Path: "/v1/projects/-/serviceAccounts/" + account + ":generateAccessToken"}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, objects.Opaque(err), "%q is no name of a service account", clip(account))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+with.AccessToken)
	answer, err := objects.Ask(client, req, "Google's service of credentials")
	if err != nil {
		return nil, err
	}
	var given struct {
		Token string    `json:"accessToken"`
		Until time.Time `json:"expireTime"`
	}
	switch {
	case answer.Status == http.StatusForbidden, answer.Status == http.StatusNotFound:
		return nil, storage.Refused(nil, "this machine's account may not act for %q (the role Service Account Token Creator)", clip(account))
	case answer.Status != http.StatusOK:
		return nil, storage.Refused(nil, "Google gives no token of the account %q (%d)", clip(account), answer.Status)
	case json.Unmarshal(answer.Body, &given) != nil || given.Token == "":
		return nil, syncline.Errorf(syncline.CodeUnavailable, "Google's service of credentials does not answer like one")
	}
	return &oauth2.Token{AccessToken: given.Token, Expiry: given.Until}, nil
}

// CheckAccount refuses a text that is no service account's address.
func CheckAccount(text string) error {
	name, domain, found := strings.Cut(text, "@")
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-."
	if !found || name == "" || domain == "" || len(text) > 200 || strings.Trim(name+domain, letters) != "" {
		return syncline.Errorf(syncline.CodeInvalid, "%q is no address of a service account like NAME@PROJECT.iam.gserviceaccount.com", clip(text))
	}
	return nil
}

// nearOrFar sends questions over http, which files for federation name within a cloud, to
// the machine's own network, and others over https.
type nearOrFar struct{ near, far http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (n nearOrFar) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "http" {
		return n.near.RoundTrip(req)
	}
	return n.far.RoundTrip(req)
}
