package place

import (
	"strconv"
	"strings"
	"time"
)

// Options are the extended options of one kind of storage, by name.
type Options map[string]string

// OptionType says which values an option takes.
type OptionType int

// The types of options.
const (
	Text OptionType = iota
	Truth
	Number
	Duration
)

// Option is an extended option. Does says its effect. An option without an effect
// concerns writing, or something that this program does not have. The program
// accepts it for the sake of scripts that are written for restic.
type Option struct {
	Type OptionType
	Does string
}

// setOptions reads the options of a command for a place of a kind. It checks the
// options of other kinds, and leaves them out.
func (u *User) setOptions(k Kinds, kind *Kind, texts []string) error {
	u.Options = Options{}
	given := map[string]string{}
	for _, text := range texts {
		key, value, _ := strings.Cut(text, "=")
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
		if key == "" {
			return invalid("an extended option has no name; it must be like -o s3.region=eu-central-1")
		}
		if before, twice := given[key]; twice && before != value {
			return invalid("the extended option %q is given twice with different values", key)
		}
		given[key] = value
		scheme, name, _ := strings.Cut(key, ".")
		var known map[string]Option
		if own := k.scheme(scheme); own != nil {
			known = own.Options
		}
		o, ok := known[name]
		if !ok {
			return invalid("the extended option %q is not known; %s", clip(key), kind.describe())
		}
		if err := o.check(key, value); err != nil {
			return err
		}
		if scheme == kind.Scheme {
			u.Options[name] = value
		}
	}
	if u.Options.Flag("enable-restore") {
		return invalid("the extended option s3.enable-restore=true asks the storage to bring archived objects back, which changes it; this program only reads: bring them back with restic or the storage's own tools")
	}
	var err error
	if u.Tries, err = u.Options.count("retries", 0); err != nil {
		return err
	}
	u.Connections, err = u.Options.count("connections", 1)
	return err
}

// check checks a value as restic does.
func (o Option) check(key, value string) error {
	var err error
	switch o.Type {
	case Truth:
		_, err = strconv.ParseBool(value)
	case Number:
		_, err = strconv.ParseUint(value, 0, 32)
	case Duration:
		_, err = time.ParseDuration(value)
	}
	if err != nil {
		return invalid("the extended option %s must be %s", key, [...]string{"", "true or false", "a number", "a duration like 24h"}[o.Type])
	}
	return nil
}

// Flag reads an option that is true or false, and is checked.
func (o Options) Flag(name string) bool {
	value, err := strconv.ParseBool(o[name])
	return err == nil && value
}

// maxConnections bounds the numbers in options, for the sake of the storage.
const maxConnections = 1000

// count reads an option that is a number; 0 where it is not given.
func (o Options) count(name string, least uint64) (int, error) {
	if o[name] == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(o[name], 0, 32)
	if err != nil || n < least || n > maxConnections {
		return 0, invalid("the extended option %s must be a number from %d to %d", name, least, maxConnections)
	}
	return int(n), nil
}
