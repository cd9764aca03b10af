package catalogtest

import (
	"errors"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// claimed is a container that compares claims.
type claimed interface {
	catalog.Container
	// TakeWork takes a work, over from whoever has it, and returns the claim to it.
	TakeWork(t testing.TB, work syncline.ID) catalog.Claim
}

// claims writes under claims that hold and under others. It has nothing to do for
// containers of one process.
func (s suite) claims(t *testing.T) {
	box, ok := s.box(t).(claimed)
	if !ok {
		t.Skip("the container is of one process and compares no claims")
	}
	first := box.TakeWork(t, firstID)
	other := box.TakeWork(t, secondID)
	under := func(claim catalog.Claim, nos ...uint64) error {
		return write(catalog.WithClaim(t.Context(), claim), box, func(w catalog.Writer) error {
			return putNumbers(w, 1, nos...)
		})
	}
	check(t, under(first, 1))
	check(t, under(other, 2))
	second := box.TakeWork(t, firstID)
	check(t, under(second, 3))
	for _, claim := range []catalog.Claim{
		first, {Work: firstID, Epoch: second.Epoch + 1}, {Work: firstID}, {Work: thirdID, Epoch: 1}, {},
	} {
		ran := false
		err := write(catalog.WithClaim(t.Context(), claim), box, func(w catalog.Writer) error {
			ran = true
			return putNumbers(w, 1, 9)
		})
		wantCode(t, err, syncline.CodeConflict)
		if !errors.Is(err, catalog.ErrConflict) || ran {
			t.Fatalf("a writer with the claim %v gets %v, and ran: %v", claim, err, ran)
		}
	}
	check(t, under(second, 4))
	check(t, under(other, 5))
	update(t, box, func(w catalog.Writer) error { return putNumbers(w, 1, 6) }) // without a claim
	view(t, box, func(r catalog.Reader) error { return wantNumbers(r, 1, 0, 1, 2, 3, 4, 5, 6) })
}
