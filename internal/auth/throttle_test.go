package auth

import (
	"fmt"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// delay returns how long a counter delays the next attempt.
func (f *fixture) delay(c store.Counter) time.Duration {
	m := f.attempts.(*memory)
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wait(c, f.clock.Now())
}

// fail tries a wrong password until it is throttled. It returns the number of
// tries and the wait in seconds.
func (f *fixture) fail(t *testing.T, user, address string) (tries, seconds int) {
	t.Helper()
	for range 100 {
		_, err := f.SignIn(t.Context(), user, "wrong password", address)
		if seconds, ok := RetryAfter(err); ok {
			wantCode(t, err, syncline.CodeThrottled)
			return tries, seconds
		}
		wantCode(t, err, syncline.CodeUnauthenticated)
		tries++
	}
	t.Fatal("never throttled")
	return 0, 0
}

func TestUserThrottle(t *testing.T) {
	f := newFixture(t)
	for _, user := range []string{"admin", "nobody"} { // unknown names are treated the same
		tries, seconds := 0, 0
		for i := range 6 {
			// Each try from another address: only the user's record counts.
			address := fmt.Sprintf("198.51.100.%d", i)
			_, err := f.SignIn(t.Context(), user, "wrong password", address)
			var ok bool
			if seconds, ok = RetryAfter(err); ok {
				break
			}
			tries++
		}
		if tries != userPace.Free+1 || seconds != 1 {
			t.Errorf("%s: throttled after %d tries for %d s", user, tries, seconds)
		}
	}
	// Even the right password waits, and other users do not.
	_, err := f.SignIn(t.Context(), "ADMIN", password, "203.0.113.1")
	wantCode(t, err, syncline.CodeThrottled)
	check(t, f.AddUser(t.Context(), "other", password, syncline.RoleViewer))
	_, err = f.SignIn(t.Context(), "other", password, "203.0.113.1")
	check(t, err)

	var waits []int
	for i := range 4 {
		f.clock.Add(f.delay(of(userPace, "ADMIN")))
		_, err := f.SignIn(t.Context(), "admin", "wrong password", fmt.Sprintf("198.51.100.%d", 100+i))
		wantCode(t, err, syncline.CodeUnauthenticated)
		waits = append(waits, wholeSeconds(f.delay(of(userPace, "ADMIN"))))
	}
	if fmt.Sprint(waits) != "[2 4 4 4]" {
		t.Errorf("the delays are %v seconds", waits)
	}
	// A success resets the count.
	f.clock.Add(userPace.Limit)
	_, err = f.SignIn(t.Context(), "admin", password, "203.0.113.1")
	check(t, err)
	if r, ok := f.attempts.(*memory).kinds[store.CountUser]["ADMIN"]; ok {
		t.Errorf("still on record: %+v", r)
	}
}

// TestManyNamesFromOneAddress tries many names from one address. The address is
// slowed down, except for users that signed in there.
func TestManyNamesFromOneAddress(t *testing.T) {
	f := newFixture(t)
	const address = "198.51.100.7"
	_, err := f.SignIn(t.Context(), "admin", password, address)
	check(t, err)
	check(t, f.AddUser(t.Context(), "other", password, syncline.RoleViewer))
	for i := range addressPace.Free + 1 { // each with another user
		_, err := f.SignIn(t.Context(), fmt.Sprint("user ", i), "wrong password", address+":4000")
		wantCode(t, err, syncline.CodeUnauthenticated)
	}
	_, err = f.SignIn(t.Context(), "other", password, address+":4001")
	wantCode(t, err, syncline.CodeThrottled)
	_, err = f.SignIn(t.Context(), "admin", password, address+":4001")
	check(t, err)
	_, err = f.SignIn(t.Context(), "other", password, "198.51.100.8:4000")
	check(t, err)

	longest := time.Duration(0)
	for i := range 15 {
		f.clock.Add(f.delay(of(addressPace, address)))
		_, err := f.SignIn(t.Context(), fmt.Sprint("nobody ", i), "wrong password", address)
		wantCode(t, err, syncline.CodeUnauthenticated)
		longest = max(longest, f.delay(of(addressPace, address)))
	}
	if longest != addressPace.Limit {
		t.Errorf("the longest delay is %v", longest)
	}
	_, err = f.SignIn(t.Context(), "admin", password, address) // in the middle of it
	check(t, err)
	// A success does not clear the address, but opens it for that user.
	f.clock.Add(addressPace.Limit)
	_, err = f.SignIn(t.Context(), "other", password, address)
	check(t, err)
	_, err = f.SignIn(t.Context(), "nobody at all", "wrong password", address)
	wantCode(t, err, syncline.CodeUnauthenticated)
	if wait := f.delay(of(addressPace, address)); wait != addressPace.Limit {
		t.Errorf("after a success and a failure: %v", wait)
	}
	_, err = f.SignIn(t.Context(), "other", password, address)
	check(t, err)
}

// TestOneNameFromOneAddress lets one user mistype. Other users at the address
// do not wait, and the address is not slowed down.
func TestOneNameFromOneAddress(t *testing.T) {
	f := newFixture(t)
	const address = "198.51.100.7"
	longest := time.Duration(0)
	for range 20 {
		who := attempt{user: "NOBODY", address: address}
		f.clock.Add(max(f.delay(of(pairPace, who.key())), f.delay(of(userPace, "NOBODY"))))
		_, err := f.SignIn(t.Context(), "nobody", "wrong password", address)
		wantCode(t, err, syncline.CodeUnauthenticated)
		longest = max(longest, f.delay(of(pairPace, who.key())))
	}
	if longest != pairPace.Limit {
		t.Errorf("the longest delay of the name is %v", longest)
	}
	_, err := f.SignIn(t.Context(), "admin", password, address)
	check(t, err)
}

// TestSevenGuessesBehindAProxy tries seven unknown names, and then the
// administrator's right password from the same address, without an earlier
// sign-in there.
func TestSevenGuessesBehindAProxy(t *testing.T) {
	f := newFixture(t)
	for i := range 7 {
		_, err := f.SignIn(t.Context(), fmt.Sprint("guess ", i), "wrong password", home)
		wantCode(t, err, syncline.CodeUnauthenticated)
	}
	f.signIn(t)
}

// However long others fail with the administrator's name, the administrator
// signs in at once from a known address, and within seconds from a new one.
func TestNoLockOut(t *testing.T) {
	f := newFixture(t)
	f.signIn(t)
	attack := func(i int) {
		_, err := f.SignIn(t.Context(), "admin", "wrong password", fmt.Sprintf("198.51.%d.%d", i/250, i%250))
		if err == nil {
			t.Fatal("signed in with a wrong password")
		}
	}
	for i := range 500 {
		attack(i)
		f.clock.Add(500 * time.Millisecond)
	}
	attack(501)
	_, err := f.SignIn(t.Context(), "admin", password, "203.0.113.77")
	seconds, ok := RetryAfter(err)
	if !ok || seconds > 4 {
		t.Fatalf("from a new address: wait %d s (%v)", seconds, err)
	}
	f.signIn(t) // from the known one, in the middle of it

	for i := range 10 { // a success drops the failures, so fail again
		attack(600 + i)
	}
	_, err = f.SignIn(t.Context(), "admin", password, "203.0.113.77")
	seconds, _ = RetryAfter(err)
	f.clock.Add(time.Duration(seconds) * time.Second)
	_, err = f.SignIn(t.Context(), "admin", password, "203.0.113.77")
	check(t, err)
	// A known address may not guess freely: failures there delay the user for
	// seconds.
	for range 10 {
		tries, seconds := f.fail(t, "admin", home)
		if tries > pairPace.Free+1 || seconds > 4 {
			t.Errorf("%d tries from a trusted address, then %d s", tries, seconds)
		}
		f.clock.Add(time.Duration(seconds) * time.Second)
	}
	f.signIn(t)
}

func TestThrottleIsBounded(t *testing.T) {
	c := &clock{now: time.Unix(1000, 0)}
	m := newMemory(c.Now)
	wrong := func(key string) {
		if _, err := m.Attempt(t.Context(), store.Attempt{Guess: of(userPace, key)}, store.AttemptWrong); err != nil {
			t.Fatal(err)
		}
		c.Add(userPace.Delay(100)) // nothing waits
	}
	for range 10 {
		wrong("target")
	}
	target := of(userPace, "target")
	c.Add(-time.Nanosecond)
	for i := range maxRecords + 500 {
		if _, err := m.Attempt(t.Context(), store.Attempt{Guess: of(userPace, fmt.Sprint(i))}, store.AttemptWrong); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(m.kinds[store.CountUser]); n > maxRecords {
		t.Errorf("%d records", n)
	}
	if m.wait(target, c.Now()) == 0 {
		t.Error("a flood of names displaced the one that is attacked")
	}
	c.Add(userPace.Forget)
	wrong("later")
	if n := len(m.kinds[store.CountUser]); n != 1 {
		t.Errorf("%d records, the old ones should be gone", n)
	}
}

func TestTrustIsBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	tr := newTrust()
	for i := range maxRecords + 10 {
		tr.add(pair{fmt.Sprint(i), "a"}, now.Add(time.Hour+time.Duration(i)))
	}
	if len(tr.pairs) != maxRecords || tr.has(pair{"0", "a"}, now) {
		t.Errorf("%d trusted pairs", len(tr.pairs))
	}
	before := len(tr.pairs)
	for i := range 3 * store.MaxTrusted {
		tr.add(pair{"roams", fmt.Sprint(i)}, now.Add(time.Hour+time.Duration(i)))
	}
	if tr.count["roams"] != store.MaxTrusted || before-(len(tr.pairs)-store.MaxTrusted) > store.MaxTrusted || len(tr.count) > maxRecords {
		t.Errorf("one user has %d pairs of %d", tr.count["roams"], len(tr.pairs))
	}
}
