package sftp

import (
	"encoding/pem"
	"errors"
	"strings"

	"golang.org/x/crypto/ssh"

	"syncline.dev/syncline"
)

// typeDSA is the type of keys that servers refuse.
const typeDSA = "ssh-dss"

// Login signs in to a host, with a password or with a private key.
type Login struct {
	Password   string
	PrivateKey string // in the form of OpenSSH or PEM
	Passphrase string // of the private key, where it has one
}

func (l Login) what() string {
	if l.PrivateKey != "" {
		return "key"
	}
	return "password"
}

func (l Login) methods() ([]ssh.AuthMethod, error) {
	if l.PrivateKey == "" {
		return []ssh.AuthMethod{ssh.Password(l.Password), ssh.KeyboardInteractive(l.answer)}, nil
	}
	signer, err := l.Signer()
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the private key of the account %s", syncline.MessageOf(err))
	}
	return []ssh.AuthMethod{ssh.PublicKeys(signer)}, nil
}

// answer gives the password to a server that asks one hidden question, as it
// does for a password.
func (l Login) answer(_, _ string, questions []string, echos []bool) ([]string, error) {
	switch {
	case len(questions) == 0:
		return nil, nil
	case len(questions) == 1 && !echos[0]:
		return []string{l.Password}, nil
	}
	return nil, errors.New("the server asks for more than a password")
}

// Signer reads the private key. Its errors are CodeInvalid and go on after the
// name of a field.
func (l Login) Signer() (ssh.Signer, error) {
	text := []byte(strings.TrimSpace(l.PrivateKey) + "\n")
	var missing *ssh.PassphraseMissingError
	signer, err := ssh.ParsePrivateKey(text)
	switch {
	case errors.As(err, &missing) && l.Passphrase == "":
		return nil, syncline.Errorf(syncline.CodeInvalid, "must come with its passphrase, because the key is encrypted")
	case errors.As(err, &missing):
		if signer, err = ssh.ParsePrivateKeyWithPassphrase(text, []byte(l.Passphrase)); err != nil {
			return nil, syncline.Errorf(syncline.CodeInvalid, "must come with its own passphrase: the one that was given does not open the key")
		}
	case err != nil:
		return nil, syncline.Errorf(syncline.CodeInvalid, "%s", keyFault(l.PrivateKey))
	}
	if signer.PublicKey().Type() == typeDSA {
		return nil, syncline.Errorf(syncline.CodeInvalid, "must not be a DSA key, which SSH servers refuse; make one with ssh-keygen -t ed25519")
	}
	return signer, nil
}

// CheckPrivateKey refuses a text that is no private key. A key with a
// passphrase passes, because the passphrase is another field.
func CheckPrivateKey(text string) error {
	_, err := Login{PrivateKey: text}.Signer()
	if encrypted(text) || err == nil {
		return nil
	}
	return errors.New(syncline.MessageOf(err))
}

func encrypted(text string) bool {
	var missing *ssh.PassphraseMissingError
	_, err := ssh.ParsePrivateKey([]byte(strings.TrimSpace(text) + "\n"))
	return errors.As(err, &missing)
}

// keyFault says what a text is instead of a private key that works.
func keyFault(text string) string {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "PuTTY-User-Key-File-") {
		return "must be in the form of OpenSSH; convert the PuTTY key with puttygen key.ppk -O private-openssh-new -o key"
	}
	if _, err := parseHostKey(text); err == nil {
		return "must be the private key; this is the public one"
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return "must be a whole private key in the form of OpenSSH or PEM, from its line with BEGIN to its line with END"
	}
	switch kind := kindOfKey(block); {
	case strings.HasPrefix(kind, "sk-"):
		return "must not be a key of a security key (" + kind + "), which somebody has to touch; make one with ssh-keygen -t ed25519"
	case kind != "":
		return "must be an Ed25519, ECDSA or RSA key; keys of the type " + kind + " do not work"
	}
	return "must be a private key of the type Ed25519, ECDSA or RSA in the form of OpenSSH or PEM"
}

// kindOfKey returns the type of a key in OpenSSH's form; "" for one that is not
// known.
func kindOfKey(block *pem.Block) string {
	if block.Type == "DSA PRIVATE KEY" {
		return typeDSA
	}
	rest, found := strings.CutPrefix(string(block.Bytes), "openssh-key-v1\x00")
	if !found {
		return ""
	}
	var head struct {
		Cipher, KDF, Options string
		Keys                 uint32
		Public               []byte
		Rest                 []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal([]byte(rest), &head); err != nil {
		return ""
	}
	var key struct {
		Kind string
		Rest []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(head.Public, &key); err != nil || len(key.Kind) > 64 || strings.Trim(key.Kind, "abcdefghijklmnopqrstuvwxyz0123456789-@.") != "" {
		return ""
	}
	return key.Kind
}
