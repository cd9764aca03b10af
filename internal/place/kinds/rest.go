package kinds

import (
	"context"
	"crypto/tls"
	"errors"
	"net/url"
	"path"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/rest"
)

// restKind is a server of restic's REST protocol.
var restKind = place.Kind{
	Scheme: "rest", Form: "rest:https://HOST:PORT/FOLDER/",
	Stored: []place.Stored{{
		Kind: syncline.KindREST, AccountType: "restServerAccount", StorageType: "RestServer",
		Title: "REST server", Help: "A server of restic's REST protocol, such as rest-server.",
		Example: "rest:https://host:8000/folder/",
		Methods: restMethods, Check: checkREST,
	}},
	Variables: []string{"RESTIC_REST_USERNAME", "RESTIC_REST_PASSWORD"},
	Options:   map[string]place.Option{"connections": {Type: place.Number, Does: "most requests at once"}},
	Parse:     parseREST, Print: printREST,
	Open: func(_ context.Context, p place.Place, n place.Network) (storage.Storage, error) {
		c, err := restConfig(p, n)
		if err != nil {
			return nil, err
		}
		st, err := rest.Open(c)
		if err != nil {
			return nil, err
		}
		return st, nil
	},
}

// restMethods are the ways of signing in to a REST server.
var restMethods = []place.Method{
	{
		Name: place.Password, Title: "User and password", Help: "The name and the password of one of the server's users.",
		UserName: place.Field{Name: place.UserName, Title: "User", Help: "the name of the server's user", Required: true, Check: noColon},
		Secrets:  []place.Field{{Name: place.Password, Title: "Password", Help: "the password of the server's user", Required: true}},
	},
	{Name: "none", Title: "Without signing in", Help: "The server asks for nothing."},
	{
		Name: "clientCertificate", Title: "Client certificate",
		Help:     "A certificate that this server shows, and where the REST server asks for them also a user and a password.",
		UserName: place.Field{Name: place.UserName, Title: "User", Help: "the name of the server's user, where it has users", Check: noColon},
		Fields: []place.Field{{
			Name: certificate, Title: "Certificate", Help: "the certificate to show, and those of its issuers behind it, in PEM form", Required: true, Multiline: true,
		}},
		Secrets: []place.Field{
			{Name: certificateKey, Title: "Private key", Help: "the private key of the certificate in PEM form, without a password", Required: true, Multiline: true},
			{Name: place.Password, Title: "Password", Help: "the password of the server's user, where it has users"},
		},
	},
}

// Names of the fields of a client certificate.
const (
	certificate    = "certificate"
	certificateKey = "key"
)

// noColon refuses user names that cannot be sent.
func noColon(name string) error {
	if strings.Contains(name, ":") {
		return errors.New("must not have a colon in it")
	}
	return nil
}

// checkREST refuses a client certificate that cannot be shown.
func checkREST(a place.Access, _ place.Network) error {
	if _, err := clientCertificate(a); err != nil {
		return err
	}
	return nil
}

// clientCertificate returns an account's certificate and its key; nil for an account
// without one.
func clientCertificate(a place.Access) ([]byte, error) {
	chain := a.Account.Settings[certificate]
	if chain == "" {
		return nil, nil
	}
	key := a.Secrets[certificateKey].Reveal()
	if _, err := tls.X509KeyPair([]byte(chain), []byte(key)); err != nil {
		return nil, invalid("settings.certificate and secrets.key do not belong together: they must be a certificate and its private key, both in PEM form, and the key without a password")
	}
	return []byte(chain + "\n" + key), nil
}

// socketSuffix ends the scheme of a server at a Unix socket.
const socketSuffix = "+unix"

// parseREST reads the part after "rest:", which is a URL. A user and a password
// in it become the place's account.
func parseREST(text string) (place.Place, error) {
	u, err := url.Parse(text)
	if err != nil {
		return place.Place{}, invalid("what follows rest: in the repository's address is no valid URL")
	}
	scheme := strings.TrimSuffix(u.Scheme, socketSuffix)
	switch {
	case scheme != "http" && scheme != "https" || u.Opaque != "":
		return place.Place{}, invalid("the repository's address names no server; it must be like rest:https://HOST:PORT/FOLDER/, with http:// for a server without encryption, or rest:http+unix:///PATH/OF/SOCKET:/FOLDER/")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return place.Place{}, invalid("the repository's address has a ? or a # in it; write %%3F or %%23 in the name of a folder")
	}
	s := syncline.ObjectStorage{Kind: syncline.KindREST}
	folder := u.Path
	if scheme != u.Scheme {
		s.Endpoint, folder, err = socketOf(u)
	} else if u.Host == "" || !isHost(u.Host) {
		err = invalid("the repository's address names no host after rest:; it must be like rest:https://HOST:PORT/FOLDER/")
	} else {
		s.Endpoint = scheme + "://" + hostOf(u.Host, scheme == "http")
	}
	if err != nil {
		return place.Place{}, err
	}
	if s.Folder, err = cleanFolder(strings.Trim(folder, "/")); err != nil {
		return place.Place{}, err
	}
	p := place.Place{Storage: s}
	p.Access.Account.UserName = u.User.Username()
	if password, _ := u.User.Password(); password != "" {
		p.Access.Secrets = map[string]secret.String{place.Password: secret.NewString(password)}
	}
	return p, nil
}

// socketOf reads the address of a Unix socket, and the folder behind it.
func socketOf(u *url.URL) (endpoint, folder string, err error) {
	socket, folder, _ := strings.Cut(u.Path, ":")
	if u.Host != "" || socket == "" || path.Clean(socket) != socket || socket == "/" || strings.IndexByte(socket, 0) >= 0 {
		return "", "", invalid("the repository's address names no socket; it must be like rest:http+unix:///PATH/OF/SOCKET:/FOLDER/")
	}
	return u.Scheme + "://" + socket, folder, nil
}

// printREST writes what parseREST reads, without the account.
func printREST(p place.Place) string {
	scheme, host, _ := strings.Cut(p.Storage.Endpoint, "://")
	u := url.URL{Scheme: scheme, Host: host, Path: "/"}
	if strings.HasSuffix(scheme, socketSuffix) {
		u.Host, u.Path = "", host+":/"
	}
	if p.Storage.Folder != "" {
		u.Path += p.Storage.Folder + "/"
	}
	if u.Host == "" {
		return scheme + "://" + u.EscapedPath()
	}
	return u.String()
}

func restConfig(p place.Place, n place.Network) (rest.Config, error) {
	c := rest.Config{
		Endpoint: p.Storage.Endpoint, Folder: p.Storage.Folder,
		User: p.Access.Account.UserName, Password: p.Access.Secrets[place.Password].Reveal(),
		CA: n.CA, DenyPrivate: n.DenyPrivate, Client: n.Client,
	}
	u := p.Access.User
	if u == nil {
		if strings.Contains(c.Endpoint, socketSuffix+"://") {
			return c, invalid("the server reaches no Unix sockets, because such an address would lead into its own machine; give the REST server an address with http:// or https://")
		}
		shown, err := clientCertificate(p.Access)
		if err != nil {
			return c, err
		}
		if shown != nil {
			c.Client.Certificate = shown
		}
		return c, nil
	}
	c.Connections = u.Connections
	if c.User == "" && c.Password == "" {
		c.User, c.Password = u.Getenv("RESTIC_REST_USERNAME"), u.Getenv("RESTIC_REST_PASSWORD")
	}
	return c, nil
}
