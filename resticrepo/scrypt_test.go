package resticrepo

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/crypto/scrypt"
)

// The vectors of RFC 7914, but the one that takes 1 GiB.
func TestScryptVectors(t *testing.T) {
	for _, v := range []struct {
		password, salt string
		n, r, p        int
		want           string
	}{
		{"", "", 16, 1, 1, "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"},
		{"password", "NaCl", 1024, 8, 16, "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"},
		{"pleaseletmein", "SodiumChloride", 16384, 8, 1, "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"},
	} {
		got, err := deriveKey(v.password, []byte(v.salt), v.n, v.r, v.p, 64)
		if err != nil || hex.EncodeToString(got) != v.want {
			t.Errorf("%q, N=%d, r=%d, p=%d: %x, %v", v.password, v.n, v.r, v.p, got, err)
		}
	}
}

// Keys are those of the library, with more parts than cores, fewer, and one.
func TestScryptIsTheLibrarys(t *testing.T) {
	for _, cores := range []int{1, 3} {
		t.Run(fmt.Sprint(cores), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			for _, n := range []int{2, 64, 512} {
				for _, r := range []int{1, 3, 8} {
					for _, p := range []int{1, 2, 5} {
						want, err := scrypt.Key([]byte("secret"), []byte("salt"), n, r, p, 64)
						if err != nil {
							t.Fatal(err)
						}
						if got, err := deriveKey("secret", []byte("salt"), n, r, p, 64); err != nil || !bytes.Equal(got, want) {
							t.Errorf("N=%d, r=%d, p=%d: %x, want %x, %v", n, r, p, got, want, err)
						}
					}
				}
			}
		})
	}
}

// Many keys at once have fewer helpers than there are cores, and none is left over.
func TestManyKeysShareTheCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	taken := 0
	for help() {
		taken++
	}
	if taken != 2 {
		t.Errorf("%d helpers for 3 cores", taken)
	}
	// Without a helper, the parts are mixed one after the other.
	got, err := deriveKey("secret", []byte("salt"), 64, 8, 5, 64)
	helping.Add(-int64(taken))
	want, wantErr := scrypt.Key([]byte("secret"), []byte("salt"), 64, 8, 5, 64)
	if err != nil || wantErr != nil || !bytes.Equal(got, want) {
		t.Errorf("%x, want %x, %v, %v", got, want, err, wantErr)
	}
	var keys sync.WaitGroup
	for range 20 {
		keys.Go(func() {
			if got, err := deriveKey("secret", []byte("salt"), 64, 8, 5, 64); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%x, want %x, %v", got, want, err)
			}
		})
	}
	keys.Wait()
	if n := helping.Load(); n != 0 {
		t.Errorf("%d helpers are left over", n)
	}
}

func BenchmarkDeriveKey(b *testing.B) {
	b.Run("one part", func(b *testing.B) {
		for b.Loop() {
			_, _ = deriveKey("secret", []byte("salt"), 32768, 8, 1, 64)
		}
	})
	b.Run("five parts", func(b *testing.B) {
		for b.Loop() {
			_, _ = deriveKey("secret", []byte("salt"), 32768, 8, 5, 64)
		}
	})
	b.Run("five parts by the library", func(b *testing.B) {
		for b.Loop() {
			_, _ = scrypt.Key([]byte("secret"), []byte("salt"), 32768, 8, 5, 64)
		}
	})
}
