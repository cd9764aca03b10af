package azure

import (
	"context"
	"encoding/json"
	"os/exec"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// cliCredential gets tokens from the Azure CLI, in which the user is signed in.
// The library keeps a token until it ends.
type cliCredential struct{}

// GetToken implements azcore.TokenCredential.
func (cliCredential) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenPatience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "az", "account", "get-access-token", "--output", "json", "--resource", "https://storage.azure.com").Output()
	if err != nil {
		return azcore.AccessToken{}, &tokenError{syncline.WrapError(syncline.CodeForbidden, err, "the Azure CLI gives no token (%v); sign in with az login", err)}
	}
	var token struct {
		Token   string `json:"accessToken"`
		Expires int64  `json:"expires_on"`
	}
	if err := json.Unmarshal(out, &token); err != nil || token.Token == "" {
		return azcore.AccessToken{}, &tokenError{storage.Refused(nil, "the Azure CLI gives no token; az account get-access-token must print one")}
	}
	if token.Expires == 0 { // older versions have the local time only
		token.Expires = time.Now().Add(5 * time.Minute).Unix()
	}
	return azcore.AccessToken{Token: token.Token, ExpiresOn: time.Unix(token.Expires, 0)}, nil
}
