//go:build !linux && !darwin && !freebsd

package diskspace

// Of is ErrUnknown.
func Of(string) (Space, error) { return Space{}, ErrUnknown }
