package explore

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// maxSearchCursor is more than the length of any cursor, in bytes.
const maxSearchCursor = 32 << 10

// searchCursor is a place in the results of a search: behind so many versions
// of a path, or without names at the beginning of a repository.
type searchCursor struct {
	Sum        []byte      `json:"q"` // of the request
	Repository syncline.ID `json:"r"`
	State      []byte      `json:"s,omitempty"` // of the snapshots
	Names      [][]byte    `json:"n,omitempty"` // need not be UTF-8
	Versions   int         `json:"v,omitempty"`
}

// at returns the cursor of a place in the same repository.
func (c searchCursor) at(place position) searchCursor {
	c.Names, c.Versions = make([][]byte, len(place.Names)), place.Versions
	for i, name := range place.Names {
		c.Names[i] = []byte(name)
	}
	return c
}

// position returns the place where a search of snapshots in this state
// continues. After a change of the snapshots, the versions of the path start
// again.
func (c searchCursor) position(state []byte) (p position) {
	for _, name := range c.Names {
		p.Names = append(p.Names, string(name))
	}
	if bytes.Equal(c.State, state) {
		p.Versions = c.Versions
	}
	return p
}

func encodeSearchCursor(c searchCursor) string {
	raw, err := json.Marshal(c)
	if err != nil { // bytes, a string and a number always marshal
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// decodeSearchCursor reads the cursor of a request with this sum.
func decodeSearchCursor(text string, sum []byte) (c searchCursor, err error) {
	if text == "" {
		return searchCursor{}, nil
	}
	var raw []byte
	if len(text) <= maxSearchCursor {
		raw, err = base64.RawURLEncoding.DecodeString(text)
	}
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	switch {
	case err != nil || len(c.Sum) == 0 || c.Versions < 0:
		return searchCursor{}, syncline.Errorf(syncline.CodeInvalid, "the cursor is not one that a search has given; leave it out to begin from the start")
	case !bytes.Equal(c.Sum, sum):
		return searchCursor{}, syncline.Errorf(syncline.CodeInvalid, "the cursor belongs to another search; send it with the same query and filters, or leave it out")
	}
	return c, nil
}

// digest identifies a search. The list of repositories is no part of it,
// because one may be attached between two pages.
func (q *Query) digest() ([]byte, error) {
	same := *q
	same.Limits, same.Cursor = Limits{}, ""
	raw, err := json.Marshal(&same)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the search has a date that cannot be; the year must be one from 0 to 9999")
	}
	sum := sha256.Sum256(raw)
	return sum[:8], nil
}

// stateOf identifies a list of snapshots.
func stateOf(list []catalog.Snapshot) []byte {
	h := sha256.New()
	for i := range list {
		h.Write(list[i].ID[:])
	}
	return h.Sum(nil)[:8]
}
