package catalogtest

import (
	"errors"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// TestCheckedRefuses breaks the contract in every way that Checked sees, in the
// container in memory and in one with the guard around it.
func TestCheckedRefuses(t *testing.T) {
	nothing := func(catalog.Reader) error { return nil }
	for name, box := range map[string]catalog.Container{"memory": NewMemory(), "checked": Checked(NewMemory().raw())} {
		t.Run(name, func(t *testing.T) {
			update(t, box, func(w catalog.Writer) error {
				return errors.Join(putNumbers(w, 1, 1, 2), w.PutFinal(2, 1, []byte("x")), w.PutFinal(3, 1, []byte("y")))
			})
			inScan := func(fn func(r catalog.Reader) error) func(catalog.Reader) error {
				return func(r catalog.Reader) error {
					return r.Scan(1, 0, func(uint64, []byte) error { return fn(r) })
				}
			}
			for what, fn := range map[string]func(catalog.Reader) error{
				"a view in a view":    func(catalog.Reader) error { return box.View(t.Context(), nothing) },
				"an update in a view": func(catalog.Reader) error { return write(t.Context(), box, func(catalog.Writer) error { return nil }) },
				"another catalog":     func(catalog.Reader) error { return NewMemory().View(t.Context(), nothing) },
				"Get in a scan": inScan(func(r catalog.Reader) error {
					_, err := r.Get(1, 1)
					return err
				}),
				"GetMany in a scan": inScan(func(r catalog.Reader) error {
					_, err := r.GetMany(1, 1)
					return err
				}),
				"a scan in a scan": inScan(func(r catalog.Reader) error { return wantNumbers(r, 1, 0, 1, 2) }),
			} {
				if err := box.View(t.Context(), fn); syncline.CodeOf(err) != syncline.CodeInternal {
					t.Errorf("%s gives %v", what, err)
				}
			}
			for what, fn := range map[string]func(catalog.Writer) error{
				"a view in an update": func(catalog.Writer) error { return box.View(t.Context(), nothing) },
				"Put in a scan": func(w catalog.Writer) error {
					return w.Scan(1, 0, func(uint64, []byte) error { return w.Put(1, 3, nil) })
				},
				"SetHead in a scan": func(w catalog.Writer) error {
					return w.Scan(1, 0, func(uint64, []byte) error { return w.SetHead("x") })
				},
				"a final value is put":     func(w catalog.Writer) error { return w.Put(2, 1, nil) },
				"a final value is deleted": func(w catalog.Writer) error { return w.Delete(2, 0, 5) },
				"a kept final value": func(w catalog.Writer) error {
					_, err := w.Renew(3)
					return errors.Join(err, w.PutFinal(3, 1, nil))
				},
				"Renew behind a write": func(w catalog.Writer) error {
					err := putNumbers(w, 1, 5)
					_, renewErr := w.Renew()
					return errors.Join(err, renewErr)
				},
			} {
				if err := write(t.Context(), box, fn); syncline.CodeOf(err) != syncline.CodeInternal {
					t.Errorf("%s gives %v", what, err)
				}
			}
			err := Meddle(t.Context(), box, func(w catalog.Writer) error { return putNumbers(w, 1, 5) })
			if syncline.CodeOf(err) != syncline.CodeInternal {
				t.Errorf("a write without a new head gives %v", err)
			}
			update(t, box, func(w catalog.Writer) error { // what is not kept may be written anew
				_, err := w.Renew(3)
				return errors.Join(err, w.PutFinal(2, 1, []byte("z")))
			})
			view(t, box, func(r catalog.Reader) error { return wantNumbers(r, 1, 0) })
		})
	}
}
