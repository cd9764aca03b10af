package kinds

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage/sftp"
)

// The names of the fields in the API.
const (
	hostKey        = "hostKey"
	jumpHosts      = "jumpHosts"
	privateKey     = "privateKey"
	passphrase     = "passphrase"
	jumpPassword   = "jumpPassword"
	jumpPrivateKey = "jumpPrivateKey"
	jumpPassphrase = "jumpPassphrase"
)

const (
	sshPort = "22"
	// maxJumpHosts bounds the hosts on the way.
	maxJumpHosts = 5
)

var sftpUser = place.Field{Name: place.UserName, Title: "User name", Help: "the name of the user on the SSH server", Required: true}

// storedSFTP is SFTP as a server reaches it.
var storedSFTP = place.Stored{
	Kind: syncline.KindSFTP, AccountType: "sftpAccount", StorageType: "Sftp",
	Title: "SFTP", Help: "A folder on an SSH server with SFTP.", Example: "sftp:backup.example.com:/srv/restic",
	Methods: []place.Method{
		{
			Name: "key", Title: "Private key", Help: "A private key of the user, whose public key the SSH server knows.", UserName: sftpUser,
			Secrets: []place.Field{
				{Name: privateKey, Title: "Private key", Help: "the private key in the form of OpenSSH or PEM, the whole file as one text; an Ed25519, ECDSA or RSA key", Required: true, Multiline: true, Check: sftp.CheckPrivateKey},
				{Name: passphrase, Title: "Passphrase", Help: "the passphrase of the private key, if it has one"},
				{Name: jumpPrivateKey, Title: "Private key for jump hosts", Help: "another private key for the jump hosts, if they do not take that of the user", Multiline: true, Check: sftp.CheckPrivateKey},
				{Name: jumpPassphrase, Title: "Passphrase for jump hosts", Help: "the passphrase of the private key for the jump hosts, if it has one"},
			},
		},
		{
			Name: "password", Title: "Password", Help: "The password of the user.", UserName: sftpUser,
			Secrets: []place.Field{
				{Name: place.Password, Title: "Password", Help: "the password of the user", Required: true},
				{Name: jumpPassword, Title: "Password for jump hosts", Help: "another password for the jump hosts, if they do not take that of the user"},
			},
		},
	},
	Fields: []place.Field{
		{
			Name: hostKey, Title: "Host key", Help: "the public key of the SSH server in the form of authorized_keys; without one the server tells the key for comparison",
			Example: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIFqNbZFxVr0Wz3O6tPbAaC8Ih0tWdb6Hv0WpXk0f2cB", Check: sftp.CheckHostKey,
		},
		{
			Name: jumpHosts, Title: "Jump hosts", Help: "the jump hosts on the way, one a line in their order: USER@HOST:PORT, and behind it the host's public key; without a key the server tells it for comparison",
			Example: "jump@gate.example.com:22 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIFqNbZFxVr0Wz3O6tPbAaC8Ih0tWdb6Hv0WpXk0f2cB", Multiline: true, Check: checkJumpHosts,
		},
	},
	Check: checkSFTP,
}

// checkSFTP opens the private keys with their passphrases.
func checkSFTP(a place.Access, _ place.Network) error {
	for _, pair := range [][2]string{{privateKey, passphrase}, {jumpPrivateKey, jumpPassphrase}} {
		key, phrase := a.Secrets[pair[0]].Reveal(), a.Secrets[pair[1]].Reveal()
		if key == "" {
			if phrase != "" {
				return invalid("%s cannot be honoured: there is no %s", place.SecretPath(pair[1]), pair[0])
			}
			continue
		}
		if _, err := (sftp.Login{PrivateKey: key, Passphrase: phrase}).Signer(); err != nil {
			return invalid("%s %s", place.SecretPath(pair[0]), syncline.MessageOf(err))
		}
	}
	return nil
}

// jumpHost is a line of the setting.
type jumpHost struct {
	user, host, port string
	key              string // "" for one that is not confirmed
}

func checkJumpHosts(text string) error {
	_, err := parseJumpHosts(text)
	return err
}

func parseJumpHosts(text string) ([]jumpHost, error) {
	var hosts []jumpHost
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		var j jumpHost
		where := words[0]
		if at := strings.LastIndexByte(where, '@'); at >= 0 {
			j.user, where = where[:at], where[at+1:]
		}
		j.host, j.port = hostAndPort(where)
		j.port = cmp.Or(j.port, sshPort)
		j.key = strings.Join(words[1:], " ")
		if j.host == "" || strings.ContainsAny(j.host, "/@[]") {
			return nil, errors.New("must have a host in each line, like USER@HOST:PORT, and behind it nothing or the public key of the host")
		}
		if j.key != "" {
			if err := sftp.CheckHostKey(j.key); err != nil {
				return nil, fmt.Errorf("must have a host in each line, like USER@HOST:PORT, and the key behind it %w", err)
			}
		}
		hosts = append(hosts, j)
	}
	if len(hosts) > maxJumpHosts {
		return nil, errors.New("must not have more than five hosts")
	}
	return hosts, nil
}

func printJumpHosts(hosts []jumpHost) string {
	lines := make([]string, len(hosts))
	for i, j := range hosts {
		lines[i] = net.JoinHostPort(j.host, j.port)
		if j.user != "" {
			lines[i] = j.user + "@" + lines[i]
		}
		if j.key != "" {
			lines[i] += " " + j.key
		}
	}
	return strings.Join(lines, "\n")
}

// sshOf returns the way to the server of a stored place.
func sshOf(p place.Place, n place.Network) (sftp.SSH, error) {
	jumps, err := parseJumpHosts(p.Storage.Settings[jumpHosts])
	if err != nil {
		return sftp.SSH{}, invalid("settings.%s %v", jumpHosts, err)
	}
	secret := func(name string) string { return p.Access.Secrets[name].Reveal() }
	login := sftp.Login{Password: secret(place.Password), PrivateKey: secret(privateKey), Passphrase: secret(passphrase)}
	other := sftp.Login{Password: secret(jumpPassword), PrivateKey: secret(jumpPrivateKey), Passphrase: secret(jumpPassphrase)}
	if other == (sftp.Login{}) {
		other = login
	}
	way := sftp.SSH{DenyPrivate: n.DenyPrivate}
	for i, j := range jumps {
		way.Hops = append(way.Hops, sftp.Hop{
			Address: net.JoinHostPort(j.host, j.port), User: cmp.Or(j.user, p.Access.Account.UserName), Login: other, HostKey: j.key,
			Confirm: func(key string) (string, string) {
				confirmed := slices.Clone(jumps)
				confirmed[i].key = key
				return jumpHosts, printJumpHosts(confirmed)
			},
		})
	}
	host, port := hostAndPort(p.Storage.Endpoint)
	way.Hops = append(way.Hops, sftp.Hop{
		Address: net.JoinHostPort(host, cmp.Or(port, sshPort)), User: p.Access.Account.UserName, Login: login, HostKey: p.Storage.Settings[hostKey],
		Confirm: func(key string) (string, string) { return hostKey, key },
	})
	return way, nil
}
