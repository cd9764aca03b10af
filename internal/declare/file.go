package declare

import (
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/watch/cron"
)

// MaxSize bounds a file of declarations, in bytes.
const MaxSize = 4 << 20

// File is what a file declares. A text that the file leaves out is empty here, and a
// number 0.
type File struct {
	// Name stands in ManagedBy of all that the file declares.
	Name         string
	Accounts     []Account
	Keys         []Key
	Storages     []Storage
	Repositories []Repository
	Users        []User
	Rules        []Rule

	folder string // in which relative paths of secrets begin
}

// Secret says where a secret is found. The file never holds one.
type Secret struct {
	File string // a path
	Env  string // the name of a variable
}

// given reports whether the file names a place of the secret.
func (s Secret) given() bool { return s != Secret{} }

// String tells where the secret is, and not what it is.
func (s Secret) String() string {
	if s.Env != "" {
		return "from the variable " + s.Env
	}
	return "from the file " + s.File
}

// Account is the credentials of an object storage. Its name is its description on the
// server, or a label of the file's own where ID names the account.
type Account struct {
	Name             string
	ID               syncline.ID
	Type             string // one of accountTypes, or the name of a further kind
	Method           string // "" for the kind's first
	UserName         string
	Settings         map[string]string
	Secret           Secret            // the one with the name "password"
	Secrets          map[string]Secret // the others, by name
	MaxConnections   int
	LimitDownloadKBs int64
}

// Key is the password of a restic repository. Its name is as that of an Account.
type Key struct {
	Name     string
	ID       syncline.ID
	Password Secret
}

// Storage is a folder in a bucket or container, or the place at an address.
type Storage struct {
	Name, Description                       string
	Account                                 string // its name
	Bucket, Folder, Endpoint, Region, Cloud string
	Address                                 string
	Settings                                map[string]string
}

// Repository is an attached repository, in Path or in the storage with the name.
type Repository struct {
	Name, Description string
	Path, Storage     string
	Key               string // its name
	Synchronization   Synchronization
}

// Synchronization says when a repository is checked by itself. The zero value is the
// server's own interval.
type Synchronization struct {
	Off            bool
	Interval       string // as the server writes it
	Cron, TimeZone string
}

// Rule says how old the newest backup of some series may become.
type Rule struct {
	Name        string
	Repository  string // its name, "" for all
	HostPattern string
	Paths       []string
	Tag         string
	MaxAge      string
	Severity    syncline.Severity // "" for Warning
	Off         bool
}

// User may sign in.
type User struct {
	Name     string
	Role     syncline.Role
	Password Secret
}

// accountTypes are the file's names of the kinds whose storages lie in buckets, with the
// API's names of the accounts and of the storages that they open. The server tells the
// further kinds, whose storages have addresses.
var accountTypes = map[string]struct{ account, storage string }{
	"s3":            {"amazonS3Account", "AmazonS3"},
	"s3-compatible": {"amazonS3CompatibleAccount", "AmazonS3Compatible"},
	"azure":         {"azureBlobAccount", "AzureBlob"},
	"google":        {"googleCloudAccount", "GoogleCloudStorage"},
}

// maxName bounds a name in the file, in characters.
const maxName = 255

// maxFileName bounds the name of the file, in characters: it is sent in a header.
const maxFileName = 64

// check applies the rules between the parts of the file.
func (f *File) check() error {
	if !validName(f.Name) || utf8.RuneCountInString(f.Name) > maxFileName {
		return invalid("name is missing or cannot be one; give the file a name of 1 to %d printable characters, which marks what it declares", maxFileName)
	}
	accounts, err := names("account", f.Accounts, func(a Account) string { return a.Name })
	if err != nil {
		return err
	}
	keys, err := names("key", f.Keys, func(k Key) string { return k.Name })
	if err != nil {
		return err
	}
	storages, err := names("storage", f.Storages, func(s Storage) string { return s.Name })
	if err != nil {
		return err
	}
	repositories, err := names("repository", f.Repositories, func(r Repository) string { return r.Name })
	if err != nil {
		return err
	}
	if _, err := names("rule", f.Rules, func(r Rule) string { return r.Name }); err != nil {
		return err
	}
	if _, err := names("user", f.Users, func(u User) string { return u.Name }); err != nil {
		return err
	}
	for _, s := range f.Storages {
		if err := s.check(accounts); err != nil {
			return err
		}
	}
	for _, r := range f.Repositories {
		if err := r.check(keys, storages); err != nil {
			return err
		}
	}
	for _, r := range f.Rules {
		if err := r.check(repositories); err != nil {
			return err
		}
	}
	return f.checkRest()
}

// checkRest checks what refers to nothing.
func (f *File) checkRest() error {
	for _, a := range f.Accounts {
		if a.Type == "" {
			return invalid("account %q: type is missing; give azure, google, s3, s3-compatible, or another kind that the server knows", a.Name)
		}
		if _, twice := a.Secrets[password]; twice && a.Secret.given() {
			return invalid("account %q: secret and secrets.password are one; give it once", a.Name)
		}
	}
	for _, u := range f.Users {
		if _, err := syncline.ParseRole(string(u.Role)); err != nil {
			return invalid("user %q: role must be one of administrator, operator, restorer, viewer", u.Name)
		}
	}
	return nil
}

func (s Storage) check(accounts map[string]bool) error {
	switch {
	case s.Account == "":
		return invalid("storage %q: account is missing; name one of the file's accounts", s.Name)
	case !accounts[fold(s.Account)]:
		return invalid("storage %q: there is no account %q in the file", s.Name, s.Account)
	case s.Address != "" && s.Bucket+s.Folder+s.Endpoint+s.Region+s.Cloud != "":
		return invalid("storage %q: an address says all of the place; leave bucket, folder, endpoint, region and cloud out", s.Name)
	case s.Address == "" && s.Bucket == "":
		return invalid("storage %q: bucket is missing; name the bucket or container, or give the address of a kind without buckets", s.Name)
	}
	return nil
}

func (r Repository) check(keys, storages map[string]bool) error {
	switch {
	case (r.Path == "") == (r.Storage == ""):
		return invalid("repository %q: give path, or storage, and not both", r.Name)
	case r.Path != "" && (!filepath.IsAbs(r.Path) || filepath.Clean(r.Path) != r.Path):
		return invalid("repository %q: path must be absolute and without ., .., doubled slashes or a slash at its end", r.Name)
	case r.Storage != "" && !storages[fold(r.Storage)]:
		return invalid("repository %q: there is no storage %q in the file", r.Name, r.Storage)
	case r.Key == "":
		return invalid("repository %q: key is missing; name one of the file's keys", r.Name)
	case !keys[fold(r.Key)]:
		return invalid("repository %q: there is no key %q in the file", r.Name, r.Key)
	case r.Synchronization.Cron != "" && r.Synchronization.Interval != "":
		return invalid("repository %q: give interval or cron in synchronization, and not both", r.Name)
	case r.Synchronization.Cron == "" && r.Synchronization.TimeZone != "":
		return invalid("repository %q: timeZone in synchronization has no meaning without cron", r.Name)
	}
	if s := r.Synchronization; s.Cron != "" {
		if _, err := cron.Parse(s.Cron, s.TimeZone); err != nil {
			return invalid("repository %q: synchronization: %s", r.Name, syncline.MessageOf(err))
		}
	}
	return nil
}

func (r Rule) check(repositories map[string]bool) error {
	_, ok := syncline.ParseDays(r.MaxAge)
	switch {
	case !ok:
		return invalid("rule %q: maxAge is missing or is no time; write one such as 26h or 7d", r.Name)
	case r.Repository != "" && !repositories[fold(r.Repository)]:
		return invalid("rule %q: there is no repository %q in the file", r.Name, r.Repository)
	}
	switch r.Severity {
	case "", syncline.SeverityInfo, syncline.SeverityWarning, syncline.SeverityCritical:
		return nil
	}
	return invalid("rule %q: severity must be one of Info, Warning, Critical", r.Name)
}

// names returns the names in a list, folded, and fails where one is missing or stands
// twice.
func names[T any](noun string, list []T, name func(T) string) (map[string]bool, error) {
	known := make(map[string]bool, len(list))
	for i, x := range list {
		n := name(x)
		if !validName(n) {
			return nil, invalid("%s %d: name is missing or cannot be one; give 1 to %d printable characters, without a space at an end", noun, i+1, maxName)
		}
		if known[fold(n)] {
			return nil, invalid("%s %q stands in the file twice; give each one a name of its own", noun, n)
		}
		known[fold(n)] = true
	}
	return known, nil
}

func validName(s string) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxName && strings.TrimSpace(s) == s &&
		strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// fold gives a name the form in which it is compared.
func fold(name string) string { return strings.ToLower(name) }

func invalid(format string, args ...any) error {
	return syncline.Errorf(syncline.CodeInvalid, format, args...)
}
