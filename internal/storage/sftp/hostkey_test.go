package sftp_test

import (
	"strings"
	"testing"

	"syncline.dev/syncline/internal/storage/sftp"
)

// TestHostKeyForms takes a key with a comment. It refuses what it would not honour.
func TestHostKeyForms(t *testing.T) {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIFqNbZFxVr0Wz3O6tPbAaC8Ih0tWdb6Hv0WpXk0f2cB"
	for text, want := range map[string]string{
		key:                              "",
		"# the host\n" + key + " root@h": "",
		"cert-authority " + key:          "cert-authority",
		`from="h",restrict ` + key:       "are not honoured",
		"host.example,192.0.2.1 " + key:  "names of hosts as in known_hosts",
		"@cert-authority * " + key:       "must be the public key of the host",
		key + "\n" + key:                 "must be the public key of the host",
		"hunter2":                        "must be the public key of the host",
		"":                               "must be the public key of the host",
	} {
		err := sftp.CheckHostKey(text)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
