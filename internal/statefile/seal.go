package statefile

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"filippo.io/age"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/secret"
)

// MinPassphrase is the least length of a passphrase, in bytes. A thief of the file
// can try passphrases without being slowed down.
const MinPassphrase = 12

const (
	// maxWork bounds the memory that a file can ask for: scrypt takes 1 KiB times two
	// to this power, 1 GiB.
	maxWork = 20
	// sealedHead begins every sealed file.
	sealedHead = "age-encryption.org/"
)

// work is the cost of trying one passphrase, as the exponent of scrypt: 256 MiB and
// about a second.
var work = 18

// Seal returns a writer that encrypts with a passphrase. Close finishes the file and
// leaves w open.
func Seal(w io.Writer, passphrase secret.String) (io.WriteCloser, error) {
	if len(passphrase.Reveal()) < MinPassphrase {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the passphrase must have %d characters or more", MinPassphrase)
	}
	to, err := age.NewScryptRecipient(passphrase.Reveal())
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the passphrase cannot be used; choose another one")
	}
	to.SetWorkFactor(work)
	sealed, err := age.Encrypt(w, to)
	return sealed, cannotWrite(err)
}

// Open returns the archive in r, opened with the passphrase if it is sealed. It asks
// for the passphrase only then. A wrong passphrase is CodeWrongPassword.
func Open(r io.Reader, passphrase func() (secret.String, error)) (archive io.Reader, sealed bool, err error) {
	in := bufio.NewReader(r)
	head, err := in.Peek(len(sealedHead))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, cannotRead(err)
	}
	if !bytes.Equal(head, []byte(sealedHead)) {
		return in, false, nil
	}
	text, err := passphrase()
	if err != nil {
		return nil, true, err
	}
	from, err := age.NewScryptIdentity(text.Reveal())
	if err != nil {
		return nil, true, syncline.WrapError(syncline.CodeInvalid, err, "the passphrase is empty")
	}
	from.SetMaxWorkFactor(maxWork)
	archive, err = age.Decrypt(in, from)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, true, syncline.WrapError(syncline.CodeWrongPassword, err, "the passphrase does not open the file; give the one that it was sealed with")
	case err != nil:
		return nil, true, cannotRead(err)
	}
	return archive, true, nil
}
