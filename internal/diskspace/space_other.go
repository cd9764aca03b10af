//go:build !linux && !darwin && !freebsd

package diskspace

// Of returns ErrUnknown.
func Of(string) (Space, error) { return Space{}, ErrUnknown }
