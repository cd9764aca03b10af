// Package mounts keeps callers from waiting for file systems that hang. A file system
// of another machine, such as NFS or SMB, can keep a call in the kernel for hours when
// its server is away, and nothing ends such a call. This package leaves the call to a
// goroutine of its own, returns when the caller's context ends, and bounds the calls
// that wait for one file system.
package mounts

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"syncline.dev/syncline"
)

// Mount is a mounted file system.
type Mount struct {
	ID    string // the kernel's own, which a later mount at the same point does not have
	Point string // path at which it is mounted
	Type  string // as the kernel names it, such as "nfs4"
}

// own are the types of file systems on disks of this machine. Every other type counts
// as remote, because it may be.
var own = map[string]bool{
	"ext2": true, "ext3": true, "ext4": true, "xfs": true, "btrfs": true, "zfs": true, "f2fs": true, "bcachefs": true,
	"jfs": true, "nilfs2": true, "reiserfs": true, "tmpfs": true, "ramfs": true, "rootfs": true, "devtmpfs": true,
	"overlay": true, "squashfs": true, "erofs": true, "iso9660": true, "udf": true,
	"vfat": true, "exfat": true, "ntfs": true, "ntfs3": true,
}

// Remote reports whether a file system may wait for something besides a disk of this
// machine.
func (m Mount) Remote() bool { return !own[m.Type] }

// choose returns the mount that a path lies on. If it is one of this machine, but a
// remote one is mounted below the path, choose returns that one.
func choose(all []Mount, path string) (found Mount, ok bool) {
	path = filepath.Clean(path)
	var below Mount
	for _, m := range all { // a later mount covers an earlier one at the same point
		switch {
		case isWithin(path, m.Point) && len(m.Point) >= len(found.Point):
			found, ok = m, true
		case isWithin(m.Point, path) && m.Remote():
			below = m
		}
	}
	if below.ID != "" && !found.Remote() {
		return below, true
	}
	return found, ok
}

// isWithin reports whether a path is a folder or lies below it.
func isWithin(path, folder string) bool {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(folder, "/"))
	return ok && (rest == "" || rest[0] == '/')
}

const (
	// maxCalls bounds the calls that are in one file system at once. Each takes a
	// thread of the operating system, of which a process has 10,000.
	maxCalls = 32
	// grace is the time that a call may go on after its caller has left, before the
	// file system counts as hanging.
	grace = 5 * time.Second
)

// Gate lets calls into one file system. A file system hangs while a call is in it that
// its caller has left. New calls then fail at once, so that they do not pile up. They are
// let in again when those calls return. A nil Gate makes every call itself.
//
// A Gate is safe for concurrent use. The one from For is released after its last call.
type Gate struct {
	name  string // of the file system, for people
	key   string
	slots chan struct{}

	mu   sync.Mutex
	left map[*call]time.Time // calls without a caller, and when it left

	users int // of the registry's lock: callers, and calls without one
}

// call is a call in a file system. It has one of the slots. The gate's lock holds ended.
type call struct{ ended bool }

// registry has the gates that are in use.
var registry = struct {
	mu    sync.Mutex
	gates map[string]*Gate
}{gates: map[string]*Gate{}}

func gate(key, name string) *Gate {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	g := registry.gates[key]
	if g == nil {
		g = &Gate{name: name, key: key, slots: make(chan struct{}, maxCalls), left: map[*call]time.Time{}}
		registry.gates[key] = g
	}
	g.users++
	return g
}

func (g *Gate) hold() {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	g.users++
}

// Release gives a gate back. The gate of a file system that hangs stays until its calls
// have returned.
func (g *Gate) Release() {
	if g == nil {
		return
	}
	registry.mu.Lock()
	defer registry.mu.Unlock()
	if g.users--; g.users == 0 && registry.gates[g.key] == g {
		delete(registry.gates, g.key)
	}
}

// For returns the gate of the file system that a path leads to, through symbolic links;
// nil for a file system on a disk of this machine. It waits for the links no longer than
// ctx lasts. A path that is not there has no gate.
func For(ctx context.Context, path string) (*Gate, error) {
	m, ok := of(path)
	if ok && m.Remote() {
		return gate("mount "+m.ID, m.Point), nil
	}
	look := gate("path "+path, path)
	defer look.Release()
	plain, err := Do(ctx, look, nil, func() (string, error) { return filepath.EvalSymlinks(path) })
	if err != nil {
		if ctx.Err() != nil || IsHanging(err) {
			return nil, err
		}
		return nil, nil // the caller's own call meets the error, and says what it is about
	}
	if m, ok = of(plain); ok && m.Remote() {
		return gate("mount "+m.ID, m.Point), nil
	}
	return nil, nil
}

var errHanging = errors.New("a file system hangs")

// IsHanging reports whether an error is that of a file system that hangs, to which no
// call was made.
func IsHanging(err error) bool { return errors.Is(err, errHanging) }

// hanging returns the error of a file system that hangs.
func (g *Gate) hanging() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, since := range g.left {
		if time.Since(since) >= grace {
			return syncline.WrapError(syncline.CodeUnavailable, errHanging,
				"the file system at %s does not answer; check that its server runs and can be reached from this machine", g.name)
		}
	}
	return nil
}

// enter waits for a place.
func (g *Gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := g.hanging(); err != nil {
		return err
	}
	select {
	case g.slots <- struct{}{}:
		g.hold()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave notes that the caller of a call has left.
func (g *Gate) leave(c *call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !c.ended {
		g.left[c] = time.Now()
	}
}

// end notes that a call has returned.
func (g *Gate) end(c *call) {
	g.mu.Lock()
	c.ended = true
	delete(g.left, c)
	g.mu.Unlock()
	<-g.slots
	g.Release()
}

// leftError is the error of a context whose end has left a call.
type leftError struct{ error }

func (e *leftError) Unwrap() error { return e.error }

// IsLeft reports whether a call goes on whose caller has this error.
func IsLeft(err error) bool {
	var left *leftError
	return errors.As(err, &left)
}

// Do makes a call. When ctx ends first, Do returns its error and leaves the call, whose
// result then goes to drop, if there is one. So fn and drop use nothing that the caller
// uses afterwards. IsLeft tells such an error from that of a call that was not made.
func Do[T any](ctx context.Context, g *Gate, drop func(T), fn func() (T, error)) (T, error) {
	if g == nil {
		return fn()
	}
	var none T
	if err := g.enter(ctx); err != nil {
		return none, err
	}
	type result struct {
		value T
		err   error
	}
	c, ended, left := &call{}, make(chan result), make(chan struct{})
	go func() {
		defer g.end(c)
		value, err := fn()
		select {
		case ended <- result{value, err}:
		case <-left:
			if drop != nil && err == nil {
				drop(value)
			}
		}
	}()
	select {
	case r := <-ended:
		return r.value, r.err
	case <-ctx.Done():
		g.leave(c)
		close(left)
		return none, &leftError{ctx.Err()}
	}
}

// Each calls use with every value that produce yields, until one of them fails. When ctx
// ends first, Each returns its error and leaves produce, whose next yield then fails. use
// makes no calls through the gate.
func Each[T any](ctx context.Context, g *Gate, produce func(ctx context.Context, yield func(T) error) error, use func(T) error) error {
	if g == nil {
		return produce(ctx, use)
	}
	if err := g.enter(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, values, ended := &call{}, make(chan T), make(chan error, 1)
	go func() {
		defer g.end(c)
		ended <- produce(ctx, func(v T) error {
			select {
			case values <- v:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	for {
		select {
		case v := <-values:
			if err := use(v); err != nil {
				g.leave(c)
				return err
			}
		case err := <-ended:
			return err
		case <-ctx.Done():
			g.leave(c)
			return ctx.Err()
		}
	}
}

// At makes a call about a path through the gate of its file system.
func At[T any](ctx context.Context, path string, fn func() (T, error)) (T, error) {
	g, err := For(ctx, path)
	if err != nil {
		var none T
		return none, err
	}
	defer g.Release()
	return Do(ctx, g, nil, fn)
}

// Stat is os.Stat through the gate of a file system.
func Stat(ctx context.Context, path string) (os.FileInfo, error) {
	return At(ctx, path, func() (os.FileInfo, error) { return os.Stat(path) })
}

// Forget makes a call whose result nobody waits for, such as the closing of a file. It
// returns at once, and the call is made when it has a place.
func (g *Gate) Forget(fn func()) {
	if g == nil {
		fn()
		return
	}
	g.hold()
	c := &call{}
	go func() {
		defer g.end(c)
		g.slots <- struct{}{}
		g.leave(c)
		fn()
	}()
}
