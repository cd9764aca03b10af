package kinds

import (
	"context"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/rclone"
	"syncline.dev/syncline/internal/words"
)

// rcloneKind is any storage that rclone reaches. A command runs the program as its user
// says. A server runs it with fixed arguments, for the remotes that its operator has named.
var rcloneKind = place.Kind{
	Scheme: "rclone", Form: "rclone:REMOTE:FOLDER",
	Variables: []string{"RCLONE_CONFIG"},
	Options: map[string]place.Option{
		"program":     {Type: place.Text, Does: "the program to run, with its first arguments; rclone when not given"},
		"args":        {Type: place.Text, Does: "its arguments before the remote; serve restic --stdio --b2-hard-delete when not given"},
		"connections": {Type: place.Number, Does: "most requests at once"},
		"timeout":     {Type: place.Duration, Does: "longest wait for the program's first answer; 1m when not given"},
	},
	Parse: parseRclone, Print: printRclone,
	// A configuration file has remotes of the same name as another one, and a program can be
	// one that runs rclone on another machine.
	Key: func(u *place.User) string {
		return strings.Join([]string{"", u.Getenv("RCLONE_CONFIG"), u.Options["program"], u.Options["args"]}, "\n")
	},
	Stored: []place.Stored{{
		Kind: syncline.KindRclone, AccountType: "rcloneAccount", StorageType: "Rclone",
		Title: "Rclone", Help: "A remote in the server's own configuration of rclone.", Example: "rclone:remote:folder",
		Methods: []place.Method{{
			Name: "remote", Title: "Remote", Help: "A remote that the server's operator has allowed with serve --allow-rclone-remote.",
			UserName: place.Field{
				Name: place.UserName, Title: "Remote", Help: "the name of a remote in the configuration of rclone that the server's user has",
				Example: "remote", Required: true,
			},
		}},
		Check: checkRemote,
	}},
	Open: func(_ context.Context, p place.Place, n place.Network) (storage.Storage, error) {
		if p.Access.User == nil {
			return openAllowed(p, n)
		}
		return openProgram(p)
	},
}

// secretsOption holds a remote's whole text where the address tells only a part of it.
const secretsOption = "remote"

// parseRclone reads the part after "rclone:" as rclone does: REMOTE:PATH, with a backend
// and its options in place of a remote's name, or a path of this machine.
func parseRclone(text string) (place.Place, error) {
	if text == "" {
		return place.Place{}, invalid("the repository's address names no remote; it must be like rclone:REMOTE:FOLDER")
	}
	// The program would take it as one of its options.
	if strings.HasPrefix(text, "-") {
		return place.Place{}, invalid("the remote in the repository's address begins with a hyphen, which no remote of rclone does")
	}
	remote, options, folder, err := cutRemote(text)
	if err != nil {
		return place.Place{}, err
	}
	p := place.Place{Storage: syncline.ObjectStorage{Kind: syncline.KindRclone, Bucket: remote}}
	for _, option := range options {
		if !isSecretOption(option) {
			p.Storage.Bucket += "," + option
		}
	}
	if whole := strings.Join(append([]string{remote}, options...), ","); whole != p.Storage.Bucket {
		p.Access.Secrets = map[string]secret.String{secretsOption: secret.NewString(whole)}
	}
	p.Storage.Folder = cleanRemotePath(folder, remote == "")
	return p, nil
}

// cleanRemotePath gives a path its one form. A slash at its start means something to
// remotes that are file systems, and stays.
func cleanRemotePath(folder string, local bool) string {
	if folder == "" {
		return ""
	}
	folder = path.Clean(folder)
	switch {
	case !local && folder == ".":
		return ""
	case local && (folder[0] == '-' || folder[0] == ':' || strings.ContainsAny(strings.Split(folder, "/")[0], ":,")):
		return "./" + folder // so that it stays a path
	}
	return folder
}

// cutRemote cuts the text that rclone takes into a remote's name, options like
// host=example.com, and a path. The name is empty for a path of this machine.
func cutRemote(text string) (remote string, options []string, folder string, err error) {
	at := strings.IndexAny(text[1:], ":,/") + 1
	if at == 0 || text[at] == '/' || text[0] == '/' || text[0] == ',' {
		return "", nil, text, nil
	}
	remote = text[:at]
	if remote == ":" {
		return "", nil, "", invalid("the repository's address names no backend between the two colons")
	}
	for text[at] == ',' {
		start := at + 1
		if at = endOfOption(text, start); at < 0 {
			return "", nil, "", invalid("the options of the remote in the repository's address do not end with a colon")
		}
		options = append(options, text[start:at])
	}
	return remote, options, text[at+1:], nil
}

// endOfOption returns where an option ends, with a comma or a colon; -1 for nowhere. A
// value in quotes has these in it, and a quote is written twice in it.
func endOfOption(text string, at int) int {
	var quote byte
	for i := at; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && i > at && (text[i-1] == '=' || text[i-1] == c):
			quote = c
		case c == ',' || c == ':':
			return i
		}
	}
	return -1
}

// secretWords are in the names of options that are secret, or close to secrets.
var secretWords = regexp.MustCompile(`(?i)pass|secret|key|token|auth|cred|sas|cookie|pin|2fa|code|bearer|header`)

func isSecretOption(option string) bool {
	name, value, _ := strings.Cut(option, "=")
	return secretWords.MatchString(name) || strings.Contains(value, "@")
}

// printRclone writes what parseRclone reads, without secrets.
func printRclone(p place.Place) string {
	if p.Storage.Bucket == "" {
		return p.Storage.Folder
	}
	return p.Storage.Bucket + ":" + p.Storage.Folder
}

// openProgram opens a place for a command, with the program that its user names.
func openProgram(p place.Place) (storage.Storage, error) {
	u := p.Access.User
	c := rclone.Config{Connections: u.Connections}
	for name, into := range map[string]*[]string{"program": &c.Program, "args": &c.Args} {
		text, given := u.Options[name]
		if !given {
			continue
		}
		var err error
		if *into, err = words.Split(text); err != nil {
			return nil, invalid("the extended option rclone.%s cannot be used: %v", name, err)
		}
	}
	if text, given := u.Options["timeout"]; given {
		var err error
		if c.Timeout, err = time.ParseDuration(text); err != nil || c.Timeout < 0 {
			return nil, invalid("the extended option rclone.timeout must be a duration like 1m")
		}
		if c.Timeout == 0 { // no bound, as in restic
			c.Timeout = math.MaxInt64
		}
	}
	if u.Say != nil {
		c.Said = func(line string) { u.Say("rclone: " + line) }
	}
	remote := printRclone(p)
	if whole, some := p.Access.Secrets[secretsOption]; some {
		remote = whole.Reveal() + ":" + p.Storage.Folder
	}
	st, err := rclone.Open(remote, c)
	if err != nil {
		return nil, err
	}
	return st, nil
}

// checkRemote refuses an account for a remote that the operator has not allowed.
func checkRemote(a place.Access, n place.Network) error {
	name := a.Account.UserName
	switch {
	case rclone.CheckName(name) != nil:
		return invalid("userName must be the name of a remote in the configuration of rclone, without a colon")
	case n.Remotes == nil || !slices.Contains(n.Remotes.Names(), name):
		return invalid("userName names a remote that this server may not use; its operator allows one with serve --allow-rclone-remote")
	}
	return nil
}

// openAllowed opens a place for a server.
func openAllowed(p place.Place, n place.Network) (storage.Storage, error) {
	if err := checkRemote(p.Access, n); err != nil {
		return nil, err
	}
	s := p.Storage
	if s.Bucket != p.Access.Account.UserName {
		return nil, invalid("the address must begin with the remote of its account, like rclone:%s:FOLDER", p.Access.Account.UserName)
	}
	// A remote with a folder of its own must not be left. Windows has two signs between folders.
	if slices.Contains(strings.FieldsFunc(s.Folder, func(r rune) bool { return r == '/' || r == '\\' }), "..") {
		return nil, invalid("the folder must not have .. in it")
	}
	return n.Remotes.Open(s.Bucket, s.Folder)
}
