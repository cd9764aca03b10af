// Command genfiles writes large files for the benchmarks: half of them random
// bytes, half of them text, which compresses to about a third. The same seed
// gives the same files.
//
// Usage: genfiles -dir D [-files N] [-size BYTES] [-seed S]
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", "", "folder to write to, which must not exist")
	files := flag.Int("files", 8, "number of files")
	size := flag.Int64("size", 128<<20, "bytes of each file")
	seed := flag.Uint64("seed", 1, "which files")
	flag.Parse()
	if err := run(*dir, *files, *size, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "genfiles:", err)
		os.Exit(1)
	}
}

func run(dir string, files int, size int64, seed uint64) error {
	if dir == "" || files < 1 || size < 1 {
		return errors.New("needs -dir, and -files and -size of at least 1")
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for i := range files {
		name, fill := "random-%d.bin", random
		if i%2 == 1 {
			name, fill = "text-%d.log", text
		}
		if err := write(filepath.Join(dir, fmt.Sprintf(name, i)), size, fill(seed, uint64(i))); err != nil {
			return err
		}
	}
	return nil
}

// write writes size bytes of what next returns.
func write(path string, size int64, next func() []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for err == nil && size > 0 {
		b := next()
		b = b[:min(int64(len(b)), size)]
		size -= int64(len(b))
		_, err = w.Write(b)
	}
	return errors.Join(err, w.Flush(), f.Close())
}

func random(seed, file uint64) func() []byte {
	rng := rand.NewChaCha8([32]byte{byte(seed), byte(file)})
	b := make([]byte, 64<<10)
	return func() []byte {
		_, _ = rng.Read(b) // never fails
		return b
	}
}

func text(seed, file uint64) func() []byte {
	rng := rand.New(rand.NewPCG(seed, file))
	words := make([][]byte, 4096)
	for i := range words {
		words[i] = fmt.Appendf(nil, "%x ", rng.Uint64()>>rng.IntN(48))
	}
	return func() []byte { return words[rng.IntN(len(words))] }
}
