package content

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"sort"

	"syncline.dev/syncline"
)

// File is the content of one file in a backup.
type File struct {
	source *Source
	ids    []syncline.Hash
	ends   []int64 // end of each blob in the file
}

// Open finds the places of a file's blobs and reads none of them. The entry
// must have its content. A blob that no index has is CodeDamaged.
func (s *Source) Open(e *syncline.Entry) (*File, error) {
	f := &File{source: s, ids: e.Content, ends: make([]int64, len(e.Content))}
	var end int64
	for i, id := range e.Content {
		p, ok := s.Locator.Locate(id)
		if !ok {
			return nil, notIndexed(id)
		}
		end += p.Size()
		f.ends[i] = end
	}
	return f, nil
}

// Size returns the length of a file's content in bytes, from the places of its
// blobs. The entry must have its content. A blob that no index has is
// CodeDamaged.
func (s *Source) Size(e *syncline.Entry) (size int64, err error) {
	for _, id := range e.Content {
		p, ok := s.Locator.Locate(id)
		if !ok {
			return 0, notIndexed(id)
		}
		size += p.Size()
	}
	return size, nil
}

// Size returns the length of the content in bytes.
func (f *File) Size() int64 {
	if len(f.ends) == 0 {
		return 0
	}
	return f.ends[len(f.ends)-1]
}

// ContentID returns a name of the content. Equal names mean equal bytes. Equal
// bytes that are cut into other blobs have another name.
func ContentID(ids []syncline.Hash) string {
	h := sha256.New()
	for i := range ids {
		h.Write(ids[i][:])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// WriteRange writes length bytes of the content from offset to w. The range
// lies within the content. After an error the output is not complete.
func (f *File) WriteRange(ctx context.Context, w io.Writer, offset, length int64) error {
	if length <= 0 {
		return nil
	}
	first := sort.Search(len(f.ends), func(i int) bool { return f.ends[i] > offset })
	last := sort.Search(len(f.ends), func(i int) bool { return f.ends[i] >= offset+length })
	if first == len(f.ends) || last == len(f.ends) {
		return syncline.Errorf(syncline.CodeInvalid, "the range ends behind the file's end")
	}
	start := int64(0)
	if first > 0 {
		start = f.ends[first-1]
	}
	st := f.source.Stream(ctx, f.ids[first:last+1])
	defer st.Close()
	for length > 0 {
		data, err := st.Next()
		if err != nil {
			return err
		}
		data = data[offset-start:]
		data = data[:min(int64(len(data)), length)]
		if _, err := w.Write(data); err != nil {
			return err
		}
		offset += int64(len(data))
		length -= int64(len(data))
		start = offset
	}
	return nil
}
