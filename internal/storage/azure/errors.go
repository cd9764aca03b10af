package azure

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// maxSkew is the error of a client's clock that Azure allows.
const maxSkew = 15 * time.Minute

// operation describes a request, for the text of an error.
type operation struct {
	container, name, dir string
	list                 bool
}

// translate maps an error of the library by its code. It uses no other part of
// the service's answer.
func (c *Client) translate(ctx context.Context, call *objects.Call, err error, op operation) error {
	var noToken *tokenError
	if errors.As(err, &noToken) {
		return noToken.error
	}
	if trouble := call.Trouble(ctx); trouble != nil {
		return trouble
	}
	var answer *azcore.ResponseError
	switch {
	case !c.speaksAzure(call):
		return c.notAzure(call.Answer(""))
	case !errors.As(err, &answer) && op.list:
		return storage.Incomplete(op.dir, "is cut off")
	case !errors.As(err, &answer):
		return syncline.WrapError(syncline.CodeUnavailable, err, "the storage at %s gave an answer that cannot be understood", c.host)
	}
	code := bloberror.Code(answer.ErrorCode)
	cause := call.Answer(answer.ErrorCode)
	if e := c.refusal(code, call, cause, op); e != nil {
		return e
	}
	switch code {
	case bloberror.BlobNotFound:
		return storage.NotExist(op.name, cause)
	case bloberror.ContainerNotFound, bloberror.ContainerBeingDeleted, bloberror.ContainerDisabled:
		return syncline.WrapError(syncline.CodeNoRepository, errors.Join(fs.ErrNotExist, cause), "there is no container %q in the storage account %q", op.container, c.account)
	case bloberror.InvalidResourceName, bloberror.InvalidURI, bloberror.OutOfRangeInput:
		return badContainer(cause, op.container)
	case bloberror.BlobArchived, bloberror.BlobBeingRehydrated:
		return storage.Archived(op.name, "Archive")
	}
	if call.Status() == http.StatusNotFound && op.name != "" && code == "" {
		return storage.NotExist(op.name, cause)
	}
	return syncline.WrapError(syncline.CodeUnavailable, cause, "the storage at %s refused a request with %q", c.host, clip(answer.ErrorCode))
}

// refusal maps the codes of credentials and rights.
func (c *Client) refusal(code bloberror.Code, call *objects.Call, cause error, op operation) error {
	switch code {
	case bloberror.AuthenticationFailed, bloberror.AuthorizationFailure, bloberror.InvalidAuthenticationInfo, bloberror.NoAuthenticationInformation:
		if e := c.outOfTime(call, cause); e != nil {
			return e
		}
		return c.unauthenticated(code, cause, op)
	case bloberror.AuthorizationSourceIPMismatch:
		return storage.Refused(cause, "the shared access signature does not hold for this machine's address")
	case bloberror.AuthorizationProtocolMismatch:
		return storage.Refused(cause, "the shared access signature holds for https only")
	case bloberror.AuthorizationServiceMismatch:
		return storage.Refused(cause, "the shared access signature is not for the blob service")
	case "KeyBasedAuthenticationNotPermitted":
		return storage.Refused(cause, "the storage account %q allows no access with its key; use an identity (a service principal or a managed identity), or a shared access signature of a user", c.account)
	case bloberror.AccountIsDisabled:
		return syncline.WrapError(syncline.CodeUnavailable, cause, "the storage account %q is disabled; look at its subscription", c.account)
	}
	if call.Status() == http.StatusForbidden || call.Status() == http.StatusUnauthorized {
		return c.denied(cause, op)
	}
	return nil
}

func (c *Client) denied(cause error, op operation) error {
	switch {
	case c.token && op.container == "":
		return storage.Refused(cause, "the identity may not list the containers of the storage account %q (the role Storage Blob Data Reader); name the container instead", c.account)
	case c.token:
		return storage.Refused(cause, "the identity may not read the container %q of the storage account %q (the role Storage Blob Data Reader)", op.container, c.account)
	case op.list && op.container == "":
		return storage.Refused(cause, "these credentials may not list containers (the account's signature must hold for services and the right to list); name the container instead")
	case op.list:
		return storage.Refused(cause, "these credentials may not list the container %q (the right to list, sp=l)", op.container)
	}
	return storage.Refused(cause, "these credentials may not read %q in the container %q (the right to read, sp=r)", op.name, op.container)
}

// outOfTime finds out whether a wrong clock is the reason for a refusal. Azure
// has one code for all faults of credentials.
func (c *Client) outOfTime(call *objects.Call, cause error) error {
	theirs := call.Date()
	if c.sas == nil {
		if off := time.Since(theirs).Round(time.Second).Abs(); !theirs.IsZero() && off > maxSkew {
			return syncline.WrapError(syncline.CodeUnavailable, cause, "this machine's clock differs from the storage's by %s, too much for signed requests; set it", off)
		}
		return nil
	}
	if theirs.IsZero() {
		theirs = time.Now()
	}
	if end, ok := sasTime(c.sas.Get("se")); ok && theirs.After(end) {
		return storage.Refused(cause, "the shared access signature has expired on %s; get a new one", end.Format(time.DateOnly))
	}
	if begin, ok := sasTime(c.sas.Get("st")); ok && theirs.Before(begin) {
		return storage.Refused(cause, "the shared access signature does not hold before %s", begin.Format(time.RFC3339))
	}
	return nil
}

// unauthenticated returns the error of refused credentials whose time is right.
func (c *Client) unauthenticated(code bloberror.Code, cause error, op operation) error {
	firewall := ""
	if code == bloberror.AuthorizationFailure {
		firewall = ", or its firewall keeps this machine out"
	}
	if c.token {
		return storage.Refused(cause, "the storage account %q does not accept the identity's token: it is in another tenant%s", c.account, firewall)
	}
	if c.sas == nil {
		return storage.Refused(cause, "the key does not belong to the storage account %q%s", c.account, firewall)
	}
	right := "r"
	if op.list {
		right = "l"
	}
	if code == bloberror.AuthorizationFailure && c.sas.Has("sp") && !strings.Contains(c.sas.Get("sp"), right) {
		return c.denied(cause, op)
	}
	return storage.Refused(cause, "the shared access signature is not valid for the storage account %q%s", c.account, firewall)
}

// sasTime reads a time in a signature, in any of Azure's forms.
func sasTime(s string) (time.Time, bool) {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z", time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// speaksAzure reports whether the last answer came from a blob service.
func (c *Client) speaksAzure(call *objects.Call) bool {
	return call.Header("x-ms-request-id") != "" || call.Header("x-ms-version") != "" || call.Header("x-ms-error-code") != ""
}

func (c *Client) notAzure(cause error) error {
	return storage.Stranger(syncline.CodeInvalid, cause, "%s does not answer like Azure Blob Storage; check the endpoint", c.host)
}

func badContainer(cause error, name string) error {
	return syncline.WrapError(syncline.CodeInvalid, cause, "%q is no name of a container: it has 3 to 63 lower-case letters, digits and single hyphens", clip(name))
}

func clip(s string) string { return s[:min(len(s), 80)] }
