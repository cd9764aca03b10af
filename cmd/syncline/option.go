package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"syncline.dev/syncline/internal/storage/address"
)

// options are the extended options of one kind of storage, by name.
type options map[string]string

// otherSchemes have options that mean nothing here: restic takes them beside
// any repository, so scripts carry them along.
var otherSchemes = []string{"b2", "rclone", "rest", "sftp", "swift"}

// backendOptions reads what --option says of a kind of storage. Options of
// other kinds are checked for no more than their kind.
func (e *environment) backendOptions(scheme address.Scheme) (options, error) {
	o := options{}
	for _, text := range e.options {
		key, value, _ := strings.Cut(text, "=")
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
		kind, name, found := strings.Cut(key, ".")
		switch {
		case key == "":
			return nil, usageError("an extended option has no name; it must be like -o s3.region=eu-central-1")
		case found && address.Scheme(kind) == scheme:
		case found && slices.Contains(otherSchemes, kind), found && backends[address.Scheme(kind)].open != nil:
			continue
		default:
			return nil, usageError(fmt.Sprintf("the extended option %q is not known; %s", clipText(key), knownOptions(scheme)))
		}
		if _, known := backends[scheme].options[name]; !known {
			return nil, usageError(fmt.Sprintf("the extended option %q is not known; %s", clipText(key), knownOptions(scheme)))
		}
		if before, twice := o[name]; twice && before != value {
			return nil, usageError(fmt.Sprintf("the extended option %q is given twice with different values", key))
		}
		o[name] = value
	}
	_, err := o.connections()
	return o, err
}

// knownOptions lists the options that do something.
func knownOptions(scheme address.Scheme) string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(backends[scheme].options)) {
		if what := backends[scheme].options[name]; what != "" {
			texts = append(texts, fmt.Sprintf("%s.%s (%s)", scheme, name, what))
		}
	}
	if len(texts) == 0 {
		return fmt.Sprintf("for this repository, at %s:, there are none", scheme)
	}
	return "there are: " + strings.Join(texts, ", ")
}

// flag reads an option that is true or false.
func (o options) flag(name string) (bool, error) {
	if o[name] == "" {
		return false, nil
	}
	value, err := strconv.ParseBool(o[name])
	if err != nil {
		return false, usageError(fmt.Sprintf("the extended option %s must be true or false", name))
	}
	return value, nil
}

// maxConnections bounds what --option can ask for: more wear a storage out.
const maxConnections = 1000

// connections returns the most requests at once, or 0 where it is not said.
func (o options) connections() (int, error) {
	if o["connections"] == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(o["connections"])
	if err != nil || n < 1 || n > maxConnections {
		return 0, usageError(fmt.Sprintf("the extended option connections must be a number from 1 to %d", maxConnections))
	}
	return n, nil
}

func clipText(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
