package api

import (
	"context"
	"net/http"
	"strconv"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

const (
	// extensionsHeader asks for the kinds that Syncline adds to v6's closed lists.
	extensionsHeader = "Syncline-Extensions"
	// omittedHeader counts the things of these kinds that an answer leaves out.
	omittedHeader = "Syncline-Omitted"
)

// isExtension reports whether v6 lacks a kind of storage. A client that knows v6's
// kinds by name fails over another one.
func isExtension(kind syncline.StorageKind) bool {
	return kind != syncline.KindS3 && kind != syncline.KindS3Compatible && kind != syncline.KindAzure
}

// extended reports whether a request asks for the kinds that Syncline adds, by the
// header or by the operation's parameter.
func extended(ctx context.Context, parameter *bool) bool {
	return infoFrom(ctx).extensions || deref(parameter)
}

// readExtensions reads the header.
func (info *requestInfo) readExtensions(h http.Header) error {
	values := h.Values(extensionsHeader)
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return nil
	}
	on, err := strconv.ParseBool(values[0])
	if err != nil || len(values) > 1 {
		return invalid("the header %s must be 1, or left out", extensionsHeader)
	}
	info.extensions = on
	return nil
}

// errExtension says that a thing is of a kind that the request did not ask for.
func errExtension(what string) error {
	return syncline.Errorf(syncline.CodeNotFound,
		"there is no %s with this id of a kind that v6 has; send %s: 1 to see those of other kinds", what, extensionsHeader)
}

// setOmitted tells how many things an answer leaves out.
func setOmitted(w http.ResponseWriter, n int) {
	if n > 0 {
		w.Header().Set(omittedHeader, strconv.Itoa(n))
	}
}

// knownAccounts is a list that may leave accounts out. The base
// of links reaches exported fields only.
type knownAccounts struct {
	List    v6.ListAccounts200JSONResponse
	omitted int
}

// VisitListAccountsResponse writes the answer.
func (k knownAccounts) VisitListAccountsResponse(w http.ResponseWriter) error {
	setOmitted(w, k.omitted)
	return k.List.VisitListAccountsResponse(w)
}

// knownStorages is a list that may leave object storages out, as knownAccounts is.
type knownStorages struct {
	List    v6.ListObjectStorageRepositories200JSONResponse
	omitted int
}

// VisitListObjectStorageRepositoriesResponse writes the answer.
func (k knownStorages) VisitListObjectStorageRepositoriesResponse(w http.ResponseWriter) error {
	setOmitted(w, k.omitted)
	return k.List.VisitListObjectStorageRepositoriesResponse(w)
}
