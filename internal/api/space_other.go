//go:build !(linux || darwin || freebsd)

package api

import "errors"

func statfs(string) (space, error) { return space{}, errors.ErrUnsupported }
