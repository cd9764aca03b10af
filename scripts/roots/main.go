// Command roots writes Mozilla's certificate authorities in PEM, for the container image,
// which has no files of a system. Their version is that of golang.org/x/crypto/x509roots
// in go.mod. An authority that is trusted for old certificates only is left out: PEM cannot
// say so.
//
//	roots > ca-certificates.crt
package main

import (
	"bufio"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

func main() {
	w := bufio.NewWriter(os.Stdout)
	var err error
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			err = errors.Join(err, pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	if err := errors.Join(err, w.Flush()); err != nil {
		fmt.Fprintln(os.Stderr, "roots:", err)
		os.Exit(1)
	}
}
