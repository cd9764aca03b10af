package kinds

import (
	"cmp"
	"context"
	"net"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/sftp"
	"syncline.dev/syncline/internal/words"
)

// sftpKind is the SFTP subsystem of an SSH server. The user of the server is
// that of the account; on the command line the address names it.
var sftpKind = place.Kind{
	Scheme: "sftp", Form: "sftp:USER@HOST:/FOLDER",
	Stored: []place.Stored{storedSFTP},
	Options: map[string]place.Option{
		"command":     {Type: place.Text, Does: "the program that connects with the server, instead of ssh"},
		"args":        {Type: place.Text, Does: "further arguments of ssh"},
		"connections": {Type: place.Number, Does: "most files that are read at once, over one connection"},
	},
	Parse: parseSFTP, Print: printSFTP, Identity: identitySFTP, Hosts: hostsOfSFTP,
	Open: func(_ context.Context, p place.Place, n place.Network) (storage.Storage, error) {
		u := p.Access.User
		if u == nil {
			way, err := sshOf(p, n)
			if err != nil {
				return nil, err
			}
			return sftp.Open(sftp.Config{Path: p.Storage.Folder, Connect: way.Connect, Shared: way.Name()}), nil
		}
		program, err := sshProgram(p, u)
		if err != nil {
			return nil, err
		}
		return sftp.Open(sftp.Config{Path: p.Storage.Folder, Connect: program.Connect, Patience: program.Patience(), Once: true}), nil
	},
}

// parseSFTP reads the part after "sftp:", as restic does: a URL without its
// scheme, or a user with a host and a path.
func parseSFTP(rest string) (place.Place, error) {
	var user, host, port, folder string
	var err error
	if strings.HasPrefix(rest, "//") {
		user, host, port, folder, err = sftpURL(rest)
	} else {
		user, host, folder, err = sftpPath(rest)
	}
	folder = path.Clean(folder)
	switch {
	case err != nil:
		return place.Place{}, err
	case host == "" || strings.HasPrefix(host, "-") || strings.ContainsAny(host, "/?#[]@\x00 ") || !utf8.ValidString(host):
		return place.Place{}, invalid("the repository's address names no host after sftp:; it must be like sftp:USER@HOST:/FOLDER or sftp://USER@HOST:PORT//FOLDER")
	case strings.HasPrefix(folder, "~"):
		return place.Place{}, invalid("the repository's folder begins with ~, which SFTP servers do not understand; a path without a slash at its start begins in the user's home folder")
	case strings.IndexByte(folder+user, 0) >= 0:
		return place.Place{}, invalid("the repository's address has a NUL character in it")
	}
	if port != "" {
		host = net.JoinHostPort(host, port)
	}
	// The account of a stored place has the user.
	return place.Place{
		Storage: syncline.ObjectStorage{Kind: syncline.KindSFTP, Endpoint: host, Folder: folder},
		Access:  place.Access{Account: syncline.Account{UserName: user}},
	}, nil
}

// sftpURL reads "//USER@HOST:PORT/FOLDER". A password is left out, as restic
// does: the ssh program asks for it.
func sftpURL(rest string) (user, host, port, folder string, err error) {
	u, err := url.Parse("sftp:" + rest)
	if err != nil {
		return "", "", "", "", invalid("the repository's address is no valid URL; it must be like sftp://USER@HOST:PORT//FOLDER")
	}
	folder, found := strings.CutPrefix(u.Path, "/")
	if !found {
		return "", "", "", "", invalid("the repository's address names no folder; it must be like sftp://USER@HOST:PORT//FOLDER")
	}
	return u.User.Username(), u.Hostname(), u.Port(), folder, nil
}

// sftpPath reads "USER@HOST:FOLDER". A user may have one @ in it.
func sftpPath(rest string) (user, host, folder string, err error) {
	host, folder, found := strings.Cut(rest, ":")
	if !found {
		return "", "", "", invalid("the repository's address must have a colon after the host, like sftp:USER@HOST:/FOLDER")
	}
	switch parts := strings.SplitN(host, "@", 3); len(parts) {
	case 2:
		user, host = parts[0], parts[1]
	case 3:
		user, host = parts[0]+"@"+parts[1], parts[2]
	}
	return user, host, folder, nil
}

// printSFTP writes the short form where it can have the place, and otherwise
// the URL.
func printSFTP(p place.Place) string {
	user, folder := p.Access.Account.UserName, p.Storage.Folder
	host, port := hostAndPort(p.Storage.Endpoint)
	if port == "" && !strings.Contains(host, ":") && strings.Count(user, "@") <= 1 && !strings.Contains(user, ":") && !strings.HasPrefix(user, "//") {
		if user != "" {
			host = user + "@" + host
		}
		return host + ":" + folder
	}
	u := url.URL{Scheme: "sftp", Host: host, Path: "/" + folder}
	switch {
	case port != "":
		u.Host = net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		u.Host = "[" + host + "]"
	}
	if user != "" {
		u.User = url.User(user)
	}
	return strings.TrimPrefix(u.String(), "sftp:")
}

// identitySFTP tells two folders apart. A relative one lies in the home folder of
// its user. Hosts behind different jump hosts can have one name.
func identitySFTP(p place.Place) string {
	host, port := hostAndPort(p.Storage.Endpoint)
	text := strings.Join([]string{"sftp", strings.ToLower(host), cmp.Or(port, sshPort), p.Storage.Folder}, "\x00")
	if !strings.HasPrefix(p.Storage.Folder, "/") {
		text += "\x00" + p.Access.Account.UserName
	}
	if hosts, err := parseJumpHosts(p.Storage.Settings[jumpHosts]); err == nil && len(hosts) > 0 {
		last := hosts[len(hosts)-1]
		text += "\x00" + strings.ToLower(net.JoinHostPort(last.host, last.port))
	}
	return text
}

// hostAndPort cuts the endpoint of a place. The port is "" where ssh chooses it.
func hostAndPort(endpoint string) (host, port string) {
	if host, port, err := net.SplitHostPort(endpoint); err == nil {
		return host, port
	}
	return strings.TrimSuffix(strings.TrimPrefix(endpoint, "["), "]"), ""
}

// sshProgram is the program that restic would run.
func sshProgram(p place.Place, u *place.User) (sftp.Program, error) {
	command, args := u.Options["command"], u.Options["args"]
	program := sftp.Program{Say: u.Say}
	switch {
	case command != "" && args != "":
		return program, invalid("the extended options sftp.command and sftp.args cannot be given both; put the arguments into sftp.command")
	case command != "":
		var err error
		if program.Words, err = words.Split(command); err != nil {
			return program, invalid("the extended option sftp.command cannot be run: %v", err)
		}
		return program, nil
	}
	host, port := hostAndPort(p.Storage.Endpoint)
	program.Words = []string{"ssh", host}
	if port != "" {
		program.Words = append(program.Words, "-p", port)
	}
	if user := p.Access.Account.UserName; user != "" {
		program.Words = append(program.Words, "-l", user)
	}
	if args != "" {
		more, err := words.Split(args)
		if err != nil {
			return program, invalid("the extended option sftp.args cannot be read: %v", err)
		}
		program.Words = append(program.Words, more...)
	}
	program.Words = append(program.Words, "-s", "sftp")
	return program, nil
}
