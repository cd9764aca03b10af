package postgres

import (
	"sync"
	"testing"

	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	needtest.Full(t, "PostgreSQL")
	var places sync.Map // of URL by place
	storetest.Run(t, func(t *testing.T, place string) store.Store {
		url, ok := places.Load(place)
		if !ok {
			url, _ = places.LoadOrStore(place, pgtest.New(t))
		}
		// No statement relies on the search path, where a user's own schema comes first.
		s, err := Open(t.Context(), url.(string)+"&search_path=nowhere")
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
