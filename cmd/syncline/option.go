package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"syncline.dev/syncline/internal/storage/address"
)

// options are the extended options of one kind of storage, by name.
type options map[string]string

// optionKind is what the values of an option must be.
type optionKind int

const (
	anyText optionKind = iota
	truthValue
	numberValue
	durationValue
)

// optionSpec is an extended option. One without words about it concerns writing,
// or something that this program does not have, and is accepted for restic's sake.
type optionSpec struct {
	kind optionKind
	does string
}

// otherOptions are restic's for storage that this program does not reach: they
// mean nothing here, but scripts carry them along beside any repository.
var otherOptions = map[string]map[string]optionSpec{
	"b2":     {"connections": {kind: numberValue}},
	"rclone": {"args": {}, "connections": {kind: numberValue}, "program": {}, "timeout": {kind: durationValue}},
	"rest":   {"connections": {kind: numberValue}},
	"sftp":   {"args": {}, "command": {}, "connections": {kind: numberValue}},
	"swift":  {"connections": {kind: numberValue}},
}

// backendOptions reads what --option says of a kind of storage. Options of
// other kinds are checked and left out.
func (e *environment) backendOptions(scheme address.Scheme) (options, error) {
	o := options{}
	given := map[string]string{}
	for _, text := range e.options {
		key, value, _ := strings.Cut(text, "=")
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
		if key == "" {
			return nil, usageError("an extended option has no name; it must be like -o s3.region=eu-central-1")
		}
		if before, twice := given[key]; twice && before != value {
			return nil, usageError(fmt.Sprintf("the extended option %q is given twice with different values", key))
		}
		given[key] = value
		kind, name, _ := strings.Cut(key, ".")
		specs := otherOptions[kind]
		if b, ok := backends[address.Scheme(kind)]; ok {
			specs = b.options
		}
		spec, known := specs[name]
		if !known {
			return nil, usageError(fmt.Sprintf("the extended option %q is not known; %s", clipText(key), knownOptions(scheme)))
		}
		if err := spec.check(key, value); err != nil {
			return nil, err
		}
		if kind == string(scheme) {
			o[name] = value
		}
	}
	if asked, err := o.flag("enable-restore"); err != nil || asked {
		return nil, errors.Join(err, usageError("the extended option s3.enable-restore=true asks the storage to bring archived objects back, which changes it; this program only reads: bring them back with restic or the storage's own tools"))
	}
	if _, err := o.tries(); err != nil {
		return nil, err
	}
	_, err := o.connections()
	return o, err
}

// check looks at a value, as restic does.
func (s optionSpec) check(key, value string) error {
	var err error
	switch s.kind {
	case truthValue:
		_, err = strconv.ParseBool(value)
	case numberValue:
		_, err = strconv.ParseUint(value, 0, 32)
	case durationValue:
		_, err = time.ParseDuration(value)
	}
	if err != nil {
		return usageError(fmt.Sprintf("the extended option %s must be %s", key, [...]string{"", "true or false", "a number", "a duration like 24h"}[s.kind]))
	}
	return nil
}

// knownOptions lists the options that do something.
func knownOptions(scheme address.Scheme) string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(backends[scheme].options)) {
		if spec := backends[scheme].options[name]; spec.does != "" {
			texts = append(texts, fmt.Sprintf("%s.%s (%s)", scheme, name, spec.does))
		}
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
func (o options) connections() (int, error) { return o.count("connections", 1) }

// tries returns how often a request is made at most while nothing comes, or 0
// where it is not said.
func (o options) tries() (int, error) { return o.count("retries", 0) }

// count reads an option that is a number.
func (o options) count(name string, least uint64) (int, error) {
	if o[name] == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(o[name], 0, 32)
	if err != nil || n < least || n > maxConnections {
		return 0, usageError(fmt.Sprintf("the extended option %s must be a number from %d to %d", name, least, maxConnections))
	}
	return int(n), nil
}

func clipText(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
