package place

import (
	"slices"
	"strings"

	"syncline.dev/syncline"
)

// Stored is a kind of object storage that a server keeps accounts and places of. The API,
// its clients and the console have everything that they know of a kind from here.
type Stored struct {
	Kind syncline.StorageKind
	// AccountType and StorageType are the kind's names in the API.
	AccountType, StorageType string
	// Title names the kind for people, and Help is a sentence about it.
	Title, Help string
	// Example is an address as Kinds.Address writes it. It is empty for a kind whose places
	// have fields of their own in the API.
	Example string
	// Methods are the ways of signing in. The first stands for no method, so it stays the
	// first.
	Methods []Method
	// Fields are the settings of a place, beside its address.
	Fields []Field
	// Check refuses an account that fits the fields and cannot be used all the same, such as
	// one that the operator has to allow. Opening a place refuses such an account, too. Check
	// may be nil. It makes no request.
	Check func(a Access, n Network) error
}

// Method is a way of signing in to a kind of storage.
type Method struct {
	Name  string // in the API
	Title string // for people
	Help  string // a sentence
	// UserName is the user name of an account. Without a title there is none.
	UserName Field
	// Fields are the settings of an account.
	Fields []Field
	// Secrets go in and never come out. One secret is kept as it is, several as a JSON
	// object: a method with one never gets a second, and another method is added instead.
	Secrets []Field
}

// Password is the name of the secret that the API takes as an account's password.
const Password = "password"

// UserName is the name of the field with an account's user name.
const UserName = "userName"

// Field is a text that a user gives for an account or a place.
type Field struct {
	Name  string // in the API: letters and digits, a small letter first
	Title string // for people, such as "Host key"
	// Help goes on after "give", such as "the key of the host in the form of authorized_keys".
	Help     string
	Example  string
	Required bool
	// Multiline fields may have line breaks.
	Multiline bool
	// Choices are the values that the field takes; any where there are none.
	Choices []string
	// Check refuses a value. Its text goes on after the field's name, such as "must be a
	// number", and repeats nothing of the value. It may be nil.
	Check func(value string) error
}

// Stored returns a kind of object storage, nil for one that the program does not know.
func (k Kinds) Stored(kind syncline.StorageKind) *Stored {
	return k.find(func(s *Stored) bool { return s.Kind == kind })
}

// OfAccounts returns the kind whose accounts have a type in the API, nil for none.
func (k Kinds) OfAccounts(accountType string) *Stored {
	return k.find(func(s *Stored) bool { return s.AccountType == accountType })
}

// OfStorages returns the kind whose places have a type in the API, nil for none.
func (k Kinds) OfStorages(storageType string) *Stored {
	return k.find(func(s *Stored) bool { return s.StorageType == storageType })
}

func (k Kinds) find(match func(*Stored) bool) *Stored {
	for _, kind := range k {
		for i := range kind.Stored {
			if match(&kind.Stored[i]) {
				return &kind.Stored[i]
			}
		}
	}
	return nil
}

// AllStored returns every kind of object storage.
func (k Kinds) AllStored() (all []*Stored) {
	for _, kind := range k {
		for i := range kind.Stored {
			all = append(all, &kind.Stored[i])
		}
	}
	return all
}

// HasBuckets reports whether places of a kind lie in buckets that can be listed.
func (k Kinds) HasBuckets(kind syncline.StorageKind) bool {
	own, err := k.of(Place{Storage: syncline.ObjectStorage{Kind: kind}})
	return err == nil && own.Browse != nil
}

// ParseStored reads the address of a place of a kind, whose credentials are an account.
// Its errors are as those of Parse.
func (k Kinds) ParseStored(kind syncline.StorageKind, address string) (syncline.ObjectStorage, error) {
	p, own, err := k.parse(address)
	if err != nil {
		return syncline.ObjectStorage{}, err
	}
	want, err := k.of(Place{Storage: syncline.ObjectStorage{Kind: kind}})
	if err != nil {
		return syncline.ObjectStorage{}, err
	}
	if own != want || p.Storage.Kind != kind {
		return syncline.ObjectStorage{}, invalid("the address is of another kind of storage; this one has addresses like %s", want.Form)
	}
	if p.Access.Account.UserName != "" || len(p.Access.Secrets) > 0 {
		return syncline.ObjectStorage{}, invalid("the address has a user name or a password in it; put them into the account")
	}
	return p.Storage, nil
}

// Method returns the method with a name, nil for none. "" is the first.
func (s *Stored) Method(name string) *Method {
	if name == "" {
		return &s.Methods[0]
	}
	i := slices.IndexFunc(s.Methods, func(m Method) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Methods[i]
}

// MethodNames returns the names of the methods.
func (s *Stored) MethodNames() []string {
	names := make([]string, len(s.Methods))
	for i, m := range s.Methods {
		names[i] = m.Name
	}
	return names
}

// FieldNamed returns the field with a name, letter case aside; nil for none.
func FieldNamed(fields []Field, name string) *Field {
	i := slices.IndexFunc(fields, func(f Field) bool { return strings.EqualFold(f.Name, name) })
	if i < 0 {
		return nil
	}
	return &fields[i]
}
