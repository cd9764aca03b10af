package declare

import (
	"path/filepath"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/secret"
)

// find returns the secret that a file names.
func (f *File) find(s Secret, o Options) (secret.String, error) {
	var text string
	var err error
	if s.Env != "" {
		if text = o.Getenv(s.Env); text == "" {
			return secret.String{}, invalid("the variable %s is not set; set it, or leave the secret out to keep the one that the server has", s.Env)
		}
		return secret.NewString(text), nil
	}
	path := s.File
	if !filepath.IsAbs(path) {
		path = filepath.Join(f.folder, path)
	}
	if text, err = o.ReadFile(path); err != nil {
		return secret.String{}, syncline.WrapError(syncline.CodeOf(err), err, "a secret %s: %s", s, syncline.MessageOf(err))
	}
	if text = strings.TrimRight(text, "\r\n"); text == "" {
		return secret.String{}, invalid("a secret %s: it is empty", s)
	}
	return secret.NewString(text), nil
}
