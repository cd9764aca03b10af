package archive

import (
	"slices"
	"strings"

	"syncline.dev/syncline"
)

// Format is a format of archives, named by the extension of their files.
type Format string

// The formats.
const (
	Zip     Format = "zip"
	Tar     Format = "tar"
	TarGzip Format = "tar.gz"
	TarZstd Format = "tar.zst"
)

// Formats returns all of them.
func Formats() []Format { return []Format{Zip, Tar, TarGzip, TarZstd} }

// ParseFormat reads a format by its name. Any other name is CodeInvalid.
func ParseFormat(s string) (Format, error) {
	all := Formats()
	if !slices.Contains(all, Format(s)) {
		names := make([]string, len(all))
		for i, f := range all {
			names[i] = string(f)
		}
		return "", syncline.Errorf(syncline.CodeInvalid, "there is no archive format %q; take one of %s", s, strings.Join(names, ", "))
	}
	return Format(s), nil
}

// MediaType returns the format's media type for HTTP.
func (f Format) MediaType() string {
	switch f {
	case Zip:
		return "application/zip"
	case TarGzip:
		return "application/gzip"
	case TarZstd:
		return "application/zstd"
	default:
		return "application/x-tar"
	}
}
