package place

import (
	"context"
	"maps"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// Kind is one kind of storage: the form of its addresses, its options, and how
// it is opened.
type Kind struct {
	// Scheme stands before the first colon of an address, and before the dot of
	// an option.
	Scheme string
	// Form shows how an address is written.
	Form string
	// Stored are the kinds of object storage that a server reaches in this way. Parse
	// returns places of the first of them that has an Example.
	Stored []Stored
	// Variables are those of the environment that open a place for a command.
	Variables []string
	// Options are a command's extended options for a place, by name.
	Options map[string]Option

	// Parse reads the part after the scheme. Its errors are CodeInvalid, and
	// repeat nothing that could be a secret.
	Parse func(rest string) (Place, error)
	// Print returns a text that Parse reads as the same place.
	Print func(p Place) string
	// Key returns the values of the environment that tell two places of one
	// address apart. It may be nil.
	Key func(u *User) string

	// Identity returns a text that is the same for the same folder, whatever account opens
	// it and whatever form its address has. The place has its account without secrets. Texts
	// of two kinds differ, unless both reach one storage. Nil stands for the scheme, the
	// host, the bucket and the folder.
	Identity func(p Place) string
	// Hosts returns the hosts that are shown the secrets of an account. The place has its
	// account without secrets. Nil stands for the Origin of the endpoint, and Signs for no
	// host.
	Hosts func(p Place) []string

	// Open opens the storage at a place. It makes no request.
	Open func(ctx context.Context, p Place, n Network) (storage.Storage, error)
	// Browse returns a Browser; nil for a kind without buckets.
	Browse func(ctx context.Context, p Place, n Network) (Browser, error)
}

// Browser looks for buckets and folders.
type Browser interface {
	ListBuckets(ctx context.Context) ([]string, error)
	BucketExists(ctx context.Context, bucket string) (bool, error)
	ListFolders(ctx context.Context, bucket, folder string) ([]string, error)
}

// Network is the access to storage that is not local.
type Network struct {
	CA          []byte // PEM, trusted beside the system's certificates
	DenyPrivate bool   // no addresses of this machine and of private networks
	Client      objects.Client
	// OwnIdentities are the vendors whose identity of this machine the accounts of a server
	// may use, as its operator says.
	OwnIdentities []string
	// Remotes are those of rclone that a server may use; nil for none.
	Remotes Remotes
}

// Remotes are the remotes of rclone that the operator of a server has allowed.
type Remotes interface {
	Names() []string
	// Open returns the storage in a folder of a remote. It makes no request.
	Open(name, folder string) (storage.Storage, error)
}

// Check refuses certificates that cannot be used.
func (n Network) Check() error {
	if len(n.CA)+len(n.Client.Certificate) == 0 {
		return nil
	}
	_, err := objects.NewTransport(objects.Options{CA: n.CA, Client: n.Client})
	return err
}

// Kinds are the kinds of storage that a program has. The first is that of
// folders of this machine.
type Kinds []*Kind

// of returns a place's kind.
func (k Kinds) of(p Place) (*Kind, error) {
	if p.Path != "" {
		return k[0], nil
	}
	for _, kind := range k {
		if slices.ContainsFunc(kind.Stored, func(s Stored) bool { return s.Kind == p.Storage.Kind }) {
			return kind, nil
		}
	}
	return nil, syncline.Errorf(syncline.CodeUnsupported, "this version knows no object storage of the kind %q; install a later one", p.Storage.Kind)
}

// scheme returns the kind with a scheme, nil when there is none.
func (k Kinds) scheme(scheme string) *Kind {
	i := slices.IndexFunc(k, func(kind *Kind) bool { return kind.Scheme == scheme })
	if i < 0 {
		return nil
	}
	return k[i]
}

// Forms lists how addresses are written, for a sentence.
func (k Kinds) Forms() string {
	forms := make([]string, len(k))
	for i, kind := range k {
		forms[i] = kind.Form
	}
	last := len(forms) - 1
	return strings.Join(forms[:last], ", ") + " and " + forms[last]
}

// Variables lists the variables of the environment that open places, kind by kind.
func (k Kinds) Variables() string {
	var texts []string
	for _, kind := range k {
		if len(kind.Variables) > 0 {
			texts = append(texts, strings.Join(kind.Variables, ", "))
		}
	}
	return strings.Join(texts, "; ")
}

// describe lists the options of a kind that have an effect.
func (k *Kind) describe() string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(k.Options)) {
		if o := k.Options[name]; o.Does != "" {
			texts = append(texts, k.Scheme+"."+name+" ("+o.Does+")")
		}
	}
	return "there are: " + strings.Join(texts, ", ")
}
