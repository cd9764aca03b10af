package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/argon2"

	"syncline.dev/syncline"
)

// The cost of a new hash, from OWASP's cheat sheet on password storage.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	saltSize     = 16
	sumSize      = 32
)

// Bounds of a stored hash. They bound the cost of a damaged or planted one.
const (
	maxArgonMemory  = 64 * 1024 // KiB
	maxArgonTime    = 10
	maxArgonThreads = 4
	maxHashText     = 256 // bytes
)

// Bounds of the sign-ins that wait for a slot for hashing: of all, and of one
// address, which must not take every slot.
const (
	maxWaiting        = 64
	maxAddressWaiting = 32
	// trustedWaiting are further places for users at addresses of an earlier
	// sign-in.
	trustedWaiting = 32
)

// passwordHash is a parsed argon2id hash.
type passwordHash struct {
	memory, time uint32
	threads      uint8
	salt, sum    []byte
}

// String returns the PHC string format.
func (h passwordHash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.sum))
}

var errHashFormat = errors.New("not an argon2id hash in the PHC string format, or its parameters are out of bounds")

// parseHash reads String's format, with bounded parameters.
func parseHash(text string) (h passwordHash, err error) {
	parts := strings.Split(text, "$")
	if len(text) > maxHashText || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" ||
		parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return h, errHashFormat
	}
	parameters := strings.Split(parts[3], ",")
	if len(parameters) != 3 {
		return h, errHashFormat
	}
	memory := parameter(parameters[0], "m=", maxArgonMemory)
	time := parameter(parameters[1], "t=", maxArgonTime)
	threads := parameter(parameters[2], "p=", maxArgonThreads)
	salt, saltErr := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	sum, sumErr := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if saltErr != nil || sumErr != nil || time == 0 || threads == 0 || memory < 8*threads ||
		len(salt) < 8 || len(salt) > 64 || len(sum) < 16 || len(sum) > 64 {
		return h, errHashFormat
	}
	return passwordHash{memory: memory, time: time, threads: uint8(threads), salt: salt, sum: sum}, nil
}

// parameter returns the number behind the prefix, or 0 for any other text.
func parameter(text, prefix string, limit uint32) uint32 {
	digits, ok := strings.CutPrefix(text, prefix)
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || uint32(n) > limit {
		return 0
	}
	return uint32(n)
}

// hasher hashes a few passwords at once.
type hasher struct {
	slots chan struct{}
	// compute is argon2.IDKey. Tests count its calls.
	compute func(password, salt []byte, time, memory uint32, threads uint8, size uint32) []byte
	// decoy is nobody's hash. It is checked if there is no user.
	decoy passwordHash

	mu      sync.Mutex
	waiting int
	byOwner map[string]int
}

func newHasher(slots int) *hasher {
	h := &hasher{slots: make(chan struct{}, slots), compute: argon2.IDKey, byOwner: map[string]int{}}
	h.decoy = passwordHash{
		memory: argonMemory, time: argonTime, threads: argonThreads,
		salt: randomBytes(saltSize), sum: randomBytes(sumSize),
	}
	return h
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, but ends the program
	return b
}

// acquire waits for a slot for hashing. A bounded number of calls of one owner
// may wait, and a bounded number in all, which is larger for trusted callers.
// The caller releases the slot.
func (h *hasher) acquire(ctx context.Context, owner string, trusted bool) (release func(), err error) {
	if !h.queue(owner, trusted) {
		return nil, syncline.WrapError(syncline.CodeThrottled, &ThrottledError{RetryAfter: busyDelay},
			"too many sign-ins at once; try again in %d seconds", int(busyDelay.Seconds()))
	}
	defer h.unqueue(owner)
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, syncline.WrapError(syncline.CodeCanceled, ctx.Err(), "the sign-in was canceled while it waited for others")
	}
}

// crowded reports whether an owner who is not trusted would get no place to wait now.
func (h *hasher) crowded(owner string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.waiting >= maxWaiting || h.byOwner[owner] >= maxAddressWaiting
}

func (h *hasher) queue(owner string, trusted bool) bool {
	most := maxWaiting
	if trusted {
		most += trustedWaiting
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting >= most || h.byOwner[owner] >= maxAddressWaiting {
		return false
	}
	h.waiting++
	h.byOwner[owner]++
	return true
}

func (h *hasher) unqueue(owner string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting--
	if h.byOwner[owner]--; h.byOwner[owner] == 0 {
		delete(h.byOwner, owner)
	}
}

// hash returns a new hash of password. The caller holds a slot.
func (h *hasher) hash(password string) string {
	made := passwordHash{memory: argonMemory, time: argonTime, threads: argonThreads, salt: randomBytes(saltSize)}
	made.sum = h.compute([]byte(password), made.salt, made.time, made.memory, made.threads, sumSize)
	return made.String()
}

// matches reports whether want is a hash of password. The caller holds a slot.
func (h *hasher) matches(want passwordHash, password string) bool {
	got := h.compute([]byte(password), want.salt, want.time, want.memory, want.threads, uint32(len(want.sum)))
	return subtle.ConstantTimeCompare(got, want.sum) == 1
}
