package resticrepo

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// TestPoly1305AES compares the authenticator with the first example of the
// paper that defines it.
func TestPoly1305AES(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	nonceKey, err := aes.NewCipher(unhex("ec074c835580741701425b623235add6"))
	if err != nil {
		t.Fatal(err)
	}
	var key [32]byte
	copy(key[:], unhex("851fc40c3467ac0be05cc20404f3f700"))
	nonceKey.Encrypt(key[16:], unhex("fb447350c4e868c52ac3275cf9d4327e"))
	mac := [16]byte(unhex("f4c633c3044fc145f84f335cb81953de"))
	if !verifyPoly1305(&mac, unhex("f3f6"), &key) {
		t.Error("the authenticator of the paper's example does not match")
	}
	mac[3] ^= 1
	if verifyPoly1305(&mac, unhex("f3f6"), &key) {
		t.Error("a wrong authenticator matches")
	}
}

// makeBlob seals content as a blob at offset 0.
func makeBlob(t testing.TB, key *cryptoKey, kind BlobType, content []byte, compressed bool) (Blob, []byte) {
	t.Helper()
	b := Blob{ID: sha256.Sum256(content), Type: kind}
	plain := content
	if compressed {
		plain = compress(t, content)
		b.UncompressedLength = uint32(len(content))
	}
	stored := key.seal(plain)
	b.Length = uint32(len(stored))
	return b, stored
}

var somePack = sha256.Sum256([]byte("pack"))

func TestDecoderBlob(t *testing.T) {
	key := testKey(t)
	d := newDecoder(key)
	for _, content := range [][]byte{[]byte("x"), []byte(treeOf(canonicalNodes...)), bytes.Repeat([]byte("abc"), 1<<20), {}} {
		for _, compressed := range []bool{false, true} {
			if compressed && len(content) == 0 {
				continue // a length of 0 says "not compressed"
			}
			b, stored := makeBlob(t, key, Tree, content, compressed)
			got, err := d.Blob(b, somePack, stored)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, compressed %v: %d bytes, %v", len(content), compressed, len(got), err)
			}
			if int(b.DecodedLength()) != len(content) {
				t.Errorf("decoded length %d, not %d", b.DecodedLength(), len(content))
			}
		}
	}
}

func TestDecoderBlobDamage(t *testing.T) {
	key := testKey(t)
	content := []byte(treeOf(canonicalNodes...))
	for name, damage := range map[string]func(b *Blob, stored []byte) []byte{
		"nonce":        func(_ *Blob, s []byte) []byte { s[0] ^= 1; return s },
		"text":         func(_ *Blob, s []byte) []byte { s[len(s)/2] ^= 0x80; return s },
		"mac":          func(_ *Blob, s []byte) []byte { s[len(s)-1] ^= 1; return s },
		"short":        func(_ *Blob, s []byte) []byte { return s[:len(s)-1] },
		"tiny":         func(b *Blob, s []byte) []byte { b.Length = 31; return s[:31] },
		"hash":         func(b *Blob, s []byte) []byte { b.ID[0] ^= 1; return s },
		"size too big": func(b *Blob, s []byte) []byte { b.UncompressedLength++; return s },
		"size too low": func(b *Blob, s []byte) []byte { b.UncompressedLength--; return s },
		"huge size":    func(b *Blob, s []byte) []byte { b.UncompressedLength = MaxBlobSize; return s },
		"over the cap": func(b *Blob, s []byte) []byte { b.UncompressedLength = MaxBlobSize + 1; return s },
		"no zstd at all": func(b *Blob, _ []byte) []byte {
			s := key.seal([]byte("plain"))
			b.Length = uint32(len(s))
			return s
		},
		"compressed called plain": func(b *Blob, s []byte) []byte { b.UncompressedLength = 0; return s },
	} {
		d := newDecoder(key)
		b, stored := makeBlob(t, key, Tree, content, true)
		id := b.ID
		stored = damage(&b, stored)
		before := bytes.Clone(stored)
		_, err := d.Blob(b, somePack, stored)
		var de *DamageError
		if !errors.As(err, &de) || !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		if name != "hash" && !strings.Contains(de.Object, "tree blob "+id.String()+" in "+PackName(somePack)) {
			t.Errorf("%s: the error names %q", name, de.Object)
		}
		if errors.Is(err, errBadMAC) && !bytes.Equal(before, stored) {
			t.Errorf("%s: decrypted without authentication", name)
		}
	}
}

// TestDecoderBomb gives the decoder frames that want far more memory than their
// index entry says. It must refuse them without taking the memory.
func TestDecoderBomb(t *testing.T) {
	key := testKey(t)
	zeros := make([]byte, 1<<20)
	var long bytes.Buffer // a stream does not say its size up front
	enc, err := zstd.NewWriter(&long, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	for range 1024 {
		if _, err := enc.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	for name, frame := range map[string][]byte{
		"size unknown":   long.Bytes(),
		"size told":      compress(t, make([]byte, 64<<20)),
		"size a lie":     lyingFrame(1 << 40),
		"frame by frame": bytes.Repeat(compress(t, zeros), 500),
	} {
		stored := key.seal(frame)
		b := Blob{ID: sha256.Sum256(nil), Type: Data, Length: uint32(len(stored)), UncompressedLength: 1 << 16}
		d := newDecoder(key)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := d.Blob(b, somePack, stored)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: error %v", name, err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
			t.Errorf("%s: %d bytes of %d were allocated for 64 KiB", name, grown, len(frame))
		}
	}
	doc := append([]byte{unpackedZstd}, long.Bytes()...)
	if _, err := decodeUnpacked(doc, MaxSnapshotSize); err == nil {
		t.Error("a document of 1 GiB was accepted as a snapshot")
	}
	if _, err := decodeUnpacked(append([]byte{unpackedZstd}, compress(t, make([]byte, MaxLockSize+1))...), MaxLockSize); err == nil {
		t.Error("a document beyond its bound was accepted")
	}
}

// lyingFrame is a frame that claims to decode to size bytes and has no content.
func lyingFrame(size uint64) []byte {
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x58} // magic; 8-byte size; window 2 MiB
	frame = binary.LittleEndian.AppendUint64(frame, size)
	return append(frame, 1, 0, 0) // the last block: raw, of no bytes
}

func TestDecoderAllocations(t *testing.T) {
	key := testKey(t)
	for _, compressed := range []bool{false, true} {
		b, stored := makeBlob(t, key, Tree, benchTree(100), compressed)
		d := newDecoder(key)
		buf := make([]byte, len(stored))
		allocs := testing.AllocsPerRun(20, func() {
			copy(buf, stored)
			if _, err := d.Blob(b, somePack, buf); err != nil {
				t.Fatal(err)
			}
		})
		if allocs > 2 && !raceDetector { // the state of the counter mode
			t.Errorf("compressed %v: %v allocations", compressed, allocs)
		}
	}
}

func TestLoadBlob(t *testing.T) {
	key := testKey(t)
	m := newMemStorage()
	repo := (&Repository{key: key}).With(m)
	content := benchTree(10)
	for _, compressed := range []bool{false, true} {
		b, stored := makeBlob(t, key, Tree, content, compressed)
		b.Offset = 5
		m.files[PackName(somePack)] = append([]byte("12345"), stored...)
		first, err := repo.LoadBlob(t.Context(), somePack, b)
		if err != nil || !bytes.Equal(first, content) {
			t.Fatalf("compressed %v: %v", compressed, err)
		}
		if _, err := repo.LoadBlob(t.Context(), somePack, b); err != nil || !bytes.Equal(first, content) {
			t.Errorf("compressed %v: the second blob overwrote the first (%v)", compressed, err)
		}
		beyond := b
		beyond.Offset++
		if _, err := repo.LoadBlob(t.Context(), somePack, beyond); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("beyond the end: %v", err)
		}
		if _, err := repo.LoadBlob(t.Context(), ID{1}, b); !errors.Is(err, ErrNotFound) {
			t.Errorf("missing pack: %v", err)
		}
		b.Offset = 1<<32 - 1
		if _, err := repo.LoadBlob(context.Background(), somePack, b); !errors.Is(err, ErrDamaged) {
			t.Errorf("impossible place: %v", err)
		}
	}
}

func TestOpenPack(t *testing.T) {
	m := newMemStorage()
	repo := (&Repository{key: testKey(t)}).With(m)
	m.files[PackName(somePack)] = []byte("0123456789")
	rd, err := repo.OpenPack(t.Context(), somePack, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(rd); err != nil || string(b) != "234" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := repo.OpenPack(t.Context(), ID{1}, 0, 1); !errors.Is(err, ErrNotFound) {
		t.Errorf("missing pack: %v", err)
	}
}

func FuzzDecoderBlob(f *testing.F) {
	key := testKey(f)
	d := newDecoder(key)
	f.Add(compress(f, []byte("hello")), uint32(5))
	f.Add([]byte("hello"), uint32(0))
	f.Add(lyingFrame(1<<30), uint32(1000))
	f.Add(compress(f, make([]byte, 100000)), uint32(100000))
	f.Fuzz(func(t *testing.T, plain []byte, size uint32) {
		size %= 1 << 20
		stored := key.seal(plain)
		b := Blob{Type: Data, Length: uint32(len(stored)), UncompressedLength: size}
		// A decoder without the bounds gives the content.
		want := plain
		if size != 0 {
			out, err := io.ReadAll(io.LimitReader(fuzzZstd(t, plain), 1<<20+1))
			if err != nil {
				out = nil
			}
			want = out
		}
		b.ID = sha256.Sum256(want)
		got, err := d.Blob(b, somePack, stored)
		if err == nil && (!bytes.Equal(got, want) || len(got) != int(b.DecodedLength())) {
			t.Fatalf("%d bytes, not %d", len(got), len(want))
		}
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		if err != nil && size == 0 {
			t.Fatalf("a plain blob was refused: %v", err)
		}
	})
}

func fuzzZstd(t *testing.T, b []byte) io.Reader {
	r, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func BenchmarkDecoderBlob(b *testing.B) {
	key := testKey(b)
	content := benchTree(60) // the average tree of a large repository
	for _, compressed := range []bool{false, true} {
		blob, stored := makeBlob(b, key, Tree, content, compressed)
		b.Run(fmt.Sprintf("compressed=%v", compressed), func(b *testing.B) {
			d := newDecoder(key)
			buf := make([]byte, len(stored))
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				copy(buf, stored)
				if _, err := d.Blob(blob, somePack, buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
