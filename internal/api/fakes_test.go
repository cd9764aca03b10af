package api

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
)

// The fakes keep to the contracts of the store, the synchronizer and the rest
// in memory. fail, where it is set, is what the next calls return.

type fakeStore struct {
	mu       sync.Mutex
	fail     error
	panics   bool
	inSync   bool // a repository counted as in sync when it was moved
	repos    []syncline.Repository
	keys     []syncline.EncryptionKey
	accounts []syncline.Account
	storages []syncline.ObjectStorage
	sealed   map[syncline.ID][]byte
	sessions []syncline.Session // oldest first
	logs     map[syncline.ID][]syncline.LogItem
	managers []string
}

func (s *fakeStore) enter() (func(), error) {
	s.mu.Lock()
	if s.panics {
		s.mu.Unlock()
		panic("secret detail of the store")
	}
	return s.mu.Unlock, s.fail
}

func notFound(what string) error {
	return syncline.Errorf(syncline.CodeNotFound, "there is no %s with this id", what)
}

func (s *fakeStore) Repositories(context.Context) ([]syncline.Repository, error) {
	leave, err := s.enter()
	defer leave()
	return slices.Clone(s.repos), err
}

func (s *fakeStore) repository(id syncline.ID) *syncline.Repository {
	for i := range s.repos {
		if s.repos[i].ID == id {
			return &s.repos[i]
		}
	}
	return nil
}

func (s *fakeStore) Repository(_ context.Context, id syncline.ID) (syncline.Repository, error) {
	leave, err := s.enter()
	defer leave()
	if err != nil {
		return syncline.Repository{}, err
	}
	if r := s.repository(id); r != nil {
		return *r, nil
	}
	return syncline.Repository{}, notFound("backup repository")
}

func (s *fakeStore) taken(r syncline.Repository) error {
	for _, other := range s.repos {
		if other.ID != r.ID && strings.EqualFold(other.Name, r.Name) {
			return syncline.Errorf(syncline.CodeConflict, "another repository has this name; choose a different one")
		}
	}
	return nil
}

func (s *fakeStore) AddRepository(_ context.Context, r syncline.Repository) error {
	leave, err := s.enter()
	defer leave()
	if err := errors.Join(err, s.taken(r)); err != nil {
		return err
	}
	s.repos = append(s.repos, r)
	return nil
}

func (s *fakeStore) UpdateRepository(_ context.Context, r syncline.Repository) error {
	leave, err := s.enter()
	defer leave()
	if err := errors.Join(err, s.taken(r)); err != nil {
		return err
	}
	old := s.repository(r.ID)
	if old == nil {
		return notFound("backup repository")
	}
	s.inSync = s.inSync || r.Path != old.Path && !old.OutOfSync
	r.OutOfSync, r.CreatedAt = old.OutOfSync, old.CreatedAt
	*old = r
	return nil
}

func (s *fakeStore) SetResticID(_ context.Context, id syncline.ID, resticID string) error {
	leave, err := s.enter()
	defer leave()
	if r := s.repository(id); r != nil {
		r.ResticID = resticID
	}
	return err
}

func (s *fakeStore) SetOutOfSync(_ context.Context, id syncline.ID, outOfSync bool) error {
	leave, err := s.enter()
	defer leave()
	if r := s.repository(id); r != nil {
		r.OutOfSync = outOfSync
	}
	return err
}

func (s *fakeStore) DeleteRepository(_ context.Context, id syncline.ID) error {
	leave, err := s.enter()
	defer leave()
	s.repos = slices.DeleteFunc(s.repos, func(r syncline.Repository) bool { return r.ID == id })
	return err
}

func (s *fakeStore) Managers(context.Context) ([]string, error) {
	leave, err := s.enter()
	defer leave()
	return slices.Clone(s.managers), err
}

func (s *fakeStore) Release(_ context.Context, name string) error {
	leave, err := s.enter()
	defer leave()
	if !slices.Contains(s.managers, name) {
		return syncline.Errorf(syncline.CodeNotFound, "there is no file %q that declares anything", name)
	}
	s.managers = slices.DeleteFunc(s.managers, func(m string) bool { return m == name })
	return err
}

func (s *fakeStore) Keys(context.Context) ([]syncline.EncryptionKey, error) {
	leave, err := s.enter()
	defer leave()
	return slices.Clone(s.keys), err
}

func (s *fakeStore) Key(_ context.Context, id syncline.ID) (syncline.EncryptionKey, error) {
	leave, err := s.enter()
	defer leave()
	for _, k := range s.keys {
		if k.ID == id {
			return k, err
		}
	}
	return syncline.EncryptionKey{}, notFound("encryption key")
}

func (s *fakeStore) SealedPassword(_ context.Context, id syncline.ID) ([]byte, error) {
	leave, err := s.enter()
	defer leave()
	if b, ok := s.sealed[id]; ok {
		return b, err
	}
	return nil, notFound("encryption key")
}

func (s *fakeStore) AddKey(_ context.Context, k syncline.EncryptionKey, sealed []byte) error {
	leave, err := s.enter()
	defer leave()
	s.keys = append(s.keys, k)
	s.sealed[k.ID] = sealed
	return err
}

func (s *fakeStore) UpdateKey(_ context.Context, k syncline.EncryptionKey, sealed []byte) error {
	leave, err := s.enter()
	defer leave()
	for i := range s.keys {
		if s.keys[i].ID == k.ID {
			s.keys[i] = k
		}
	}
	if sealed != nil {
		s.sealed[k.ID] = sealed
	}
	return err
}

func (s *fakeStore) DeleteKey(_ context.Context, id syncline.ID) error {
	leave, _ := s.enter()
	defer leave()
	for _, r := range s.repos {
		if r.EncryptionKeyID == id {
			return syncline.Errorf(syncline.CodeConflict, "the repository %q uses this key; detach it first", r.Name)
		}
	}
	n := len(s.keys)
	s.keys = slices.DeleteFunc(s.keys, func(k syncline.EncryptionKey) bool { return k.ID == id })
	if len(s.keys) == n {
		return notFound("encryption key")
	}
	return nil
}

func (s *fakeStore) Accounts(context.Context) ([]syncline.Account, error) {
	leave, err := s.enter()
	defer leave()
	return slices.Clone(s.accounts), err
}

func (s *fakeStore) account(id syncline.ID) *syncline.Account {
	for i := range s.accounts {
		if s.accounts[i].ID == id {
			return &s.accounts[i]
		}
	}
	return nil
}

func (s *fakeStore) Account(_ context.Context, id syncline.ID) (syncline.Account, error) {
	leave, err := s.enter()
	defer leave()
	if a := s.account(id); a != nil {
		return *a, err
	}
	return syncline.Account{}, notFound("account")
}

func (s *fakeStore) SealedSecret(_ context.Context, id syncline.ID) ([]byte, error) {
	leave, err := s.enter()
	defer leave()
	if b, ok := s.sealed[id]; ok {
		return b, err
	}
	return nil, notFound("account")
}

func (s *fakeStore) AddAccount(_ context.Context, a syncline.Account, sealed []byte) error {
	leave, err := s.enter()
	defer leave()
	s.accounts = append(s.accounts, a)
	s.sealed[a.ID] = sealed
	return err
}

func (s *fakeStore) UpdateAccount(_ context.Context, a syncline.Account, sealed []byte) error {
	leave, err := s.enter()
	defer leave()
	old := s.account(a.ID)
	if old == nil {
		return notFound("account")
	}
	old.Method, old.Settings = a.Method, a.Settings
	old.UserName, old.Description, old.Limits, old.ManagedBy = a.UserName, a.Description, a.Limits, a.ManagedBy
	if sealed != nil {
		s.sealed[a.ID] = sealed
	}
	return err
}

func (s *fakeStore) DeleteAccount(_ context.Context, id syncline.ID) error {
	leave, _ := s.enter()
	defer leave()
	for _, x := range s.storages {
		if x.AccountID == id {
			return syncline.Errorf(syncline.CodeConflict, "the object storage %q uses this account", x.Name)
		}
	}
	n := len(s.accounts)
	s.accounts = slices.DeleteFunc(s.accounts, func(a syncline.Account) bool { return a.ID == id })
	if len(s.accounts) == n {
		return notFound("account")
	}
	return nil
}

func (s *fakeStore) ObjectStorages(context.Context) ([]syncline.ObjectStorage, error) {
	leave, err := s.enter()
	defer leave()
	return slices.Clone(s.storages), err
}

func (s *fakeStore) ObjectStorage(_ context.Context, id syncline.ID) (syncline.ObjectStorage, error) {
	leave, err := s.enter()
	defer leave()
	for _, x := range s.storages {
		if x.ID == id {
			return x, err
		}
	}
	return syncline.ObjectStorage{}, notFound("object storage")
}

func (s *fakeStore) AddObjectStorage(_ context.Context, x syncline.ObjectStorage) error {
	leave, err := s.enter()
	defer leave()
	if slices.ContainsFunc(s.storages, func(o syncline.ObjectStorage) bool { return strings.EqualFold(o.Name, x.Name) }) {
		return syncline.Errorf(syncline.CodeConflict, "another object storage has this name; choose a different one")
	}
	s.storages = append(s.storages, x)
	return err
}

func (s *fakeStore) UpdateObjectStorage(_ context.Context, x syncline.ObjectStorage) error {
	leave, err := s.enter()
	defer leave()
	for i := range s.storages {
		if s.storages[i].ID == x.ID {
			for _, r := range s.repos {
				s.inSync = s.inSync || r.ObjectStorageID == x.ID && !s.storages[i].SamePlace(x) && !r.OutOfSync
			}
			s.storages[i] = x
		}
	}
	return err
}

func (s *fakeStore) DeleteObjectStorage(_ context.Context, id syncline.ID) error {
	leave, _ := s.enter()
	defer leave()
	for _, r := range s.repos {
		if r.ObjectStorageID == id {
			return syncline.Errorf(syncline.CodeConflict, "the repository %q lies in this object storage", r.Name)
		}
	}
	n := len(s.storages)
	s.storages = slices.DeleteFunc(s.storages, func(x syncline.ObjectStorage) bool { return x.ID == id })
	if len(s.storages) == n {
		return notFound("object storage")
	}
	return nil
}

func (s *fakeStore) Session(_ context.Context, id syncline.ID) (syncline.Session, error) {
	leave, err := s.enter()
	defer leave()
	for _, x := range s.sessions {
		if x.ID == id {
			return x, err
		}
	}
	return syncline.Session{}, notFound("session")
}

func (s *fakeStore) LatestSessions(context.Context) ([]syncline.Session, error) {
	leave, err := s.enter()
	defer leave()
	latest := slices.Clone(s.sessions)
	slices.Reverse(latest)
	return latest, err
}

func (s *fakeStore) RepositorySessions(_ context.Context, repo syncline.ID, limit, offset int) ([]syncline.Session, error) {
	leave, err := s.enter()
	defer leave()
	var all []syncline.Session
	for _, x := range slices.Backward(s.sessions) {
		if x.RepositoryID == repo {
			all = append(all, x)
		}
	}
	from := min(offset, len(all))
	return all[from:min(from+limit, len(all))], err
}

func (s *fakeStore) Sessions(_ context.Context, repo syncline.ID, states []syncline.WorkState, limit, offset int) ([]syncline.Session, error) {
	leave, err := s.enter()
	defer leave()
	var all []syncline.Session
	for _, x := range slices.Backward(s.sessions) {
		if (repo == "" || x.RepositoryID == repo) && (len(states) == 0 || slices.Contains(states, x.State)) {
			all = append(all, x)
		}
	}
	from := min(offset, len(all))
	return all[from:min(from+limit, len(all))], err
}

func (s *fakeStore) Log(ctx context.Context, session syncline.ID, limit, offset int) ([]syncline.LogItem, int, error) {
	if _, err := s.Session(ctx, session); err != nil {
		return nil, 0, err
	}
	leave, err := s.enter()
	defer leave()
	all := s.logs[session]
	from := min(offset, len(all))
	return all[from:min(from+limit, len(all))], len(all), err
}

func (s *fakeStore) InstallationID(context.Context) (syncline.ID, error) {
	return installationID, nil
}

// update changes the session and wakes who watches it.
func (s *fakeStore) update(id syncline.ID, change func(*syncline.Session)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.sessions {
		if s.sessions[i].ID == id {
			change(&s.sessions[i])
		}
	}
}

type fakeSynchronizer struct {
	store     *fakeStore
	check     error
	checks    map[string]error  // by path
	ids       map[string]string // restic's id by path; one of the path's own where it is not set
	id        string            // for the places that ids leaves out
	checking  func()            // is called by every check, if set
	held      []syncline.ID
	mu        sync.Mutex
	opened    []string // path and password of every check
	forgotten []syncline.ID
	stopped   []syncline.ID
	watches   map[chan struct{}]bool
	watching  chan struct{} // gets a signal at every new watch, if set
	unwatched chan struct{} // and at the end of every one
	leaving   syncline.ID   // a repository that is being removed
}

func (f *fakeSynchronizer) Start(ctx context.Context, repo syncline.ID) (syncline.Session, error) {
	if repo == f.leaving {
		return syncline.Session{}, syncline.Errorf(syncline.CodeConflict, "the repository is being removed")
	}
	if _, err := f.store.Repository(ctx, repo); err != nil {
		return syncline.Session{}, err
	}
	s := syncline.Session{Work: syncline.Work{ID: "6a1c9f9e-58a5-4a8c-b3d9-0d6a39b5a001", RepositoryID: repo, State: syncline.WorkQueued, CreatedAt: testTime}}
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	f.store.sessions = append(f.store.sessions, s)
	return s, nil
}

func (f *fakeSynchronizer) Stop(ctx context.Context, id syncline.ID) error {
	_, err := f.store.Session(ctx, id)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = append(f.stopped, id)
	return err
}

func (f *fakeSynchronizer) Watch(syncline.ID) (<-chan struct{}, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ch := make(chan struct{}, 1)
	if f.watches == nil {
		f.watches = make(map[chan struct{}]bool)
	}
	f.watches[ch] = true
	if f.watching != nil {
		f.watching <- struct{}{}
	}
	return ch, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.watches, ch)
		if f.unwatched != nil {
			f.unwatched <- struct{}{}
		}
	}
}

func (f *fakeSynchronizer) signal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ch := range f.watches {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

func (f *fakeSynchronizer) Forget(ctx context.Context, repo syncline.ID, remove func(context.Context) error) error {
	f.mu.Lock()
	f.forgotten = append(f.forgotten, repo)
	f.mu.Unlock()
	return remove(ctx)
}

func (f *fakeSynchronizer) Hold(ctx context.Context, repo syncline.ID, change func(context.Context) error) (bool, error) {
	f.mu.Lock()
	f.held = append(f.held, repo)
	f.mu.Unlock()
	stopped := false
	f.store.mu.Lock()
	for i := range f.store.sessions {
		if s := &f.store.sessions[i]; s.RepositoryID == repo && !s.State.Ended() {
			s.State, stopped = syncline.WorkStopped, true
		}
	}
	f.store.mu.Unlock()
	return stopped, change(ctx)
}

func (f *fakeSynchronizer) Check(_ context.Context, at place.Place, password string) (string, error) {
	if f.checking != nil {
		f.checking()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	where := at.Path
	if where == "" {
		where = placeText(at)
	}
	f.opened = append(f.opened, where+" "+password)
	return cmp.Or(f.ids[where], f.id, hex.EncodeToString([]byte(where))), errors.Join(f.check, f.checks[where])
}

func placeText(at place.Place) string {
	s, by := at.Storage, at.Access
	return strings.Join([]string{string(s.Kind), string(s.Cloud), s.Endpoint, s.Region, s.Bucket, s.Folder, by.Account.UserName, by.Secrets[place.Password].Reveal()}, "|")
}

// fakePlaces has the buckets "bucket" and "other", with the folders "folder"
// and "a/b" in each.
type fakePlaces struct {
	mu    sync.Mutex
	fail  error
	tried []string
}

func (f *fakePlaces) enter(what string, at place.Place) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tried = append(f.tried, what+" "+placeText(at))
	return f.fail
}

func (f *fakePlaces) Try(_ context.Context, at place.Place) error {
	return f.enter("try", at)
}

func (f *fakePlaces) CheckAccount(by place.Access) error { return allKinds.CheckAccount(by) }

func (f *fakePlaces) Buckets(_ context.Context, at place.Place) ([]string, error) {
	return []string{"other", "bucket"}, f.enter("buckets", at)
}

func (f *fakePlaces) HasBucket(_ context.Context, at place.Place) (bool, error) {
	return at.Storage.Bucket == "bucket" || at.Storage.Bucket == "other", f.enter("has", at)
}

func (f *fakePlaces) Folders(_ context.Context, at place.Place) ([]string, error) {
	if err := f.enter("folders", at); err != nil {
		return nil, err
	}
	if at.Storage.Bucket != "bucket" && at.Storage.Bucket != "other" {
		return nil, syncline.Errorf(syncline.CodeNoRepository, "there is no bucket %q at the storage", at.Storage.Bucket)
	}
	return map[string][]string{"": {"folder", "a"}, "a": {"b"}}[at.Storage.Folder], nil
}

type fakePoints []syncline.RestorePoint

func (f fakePoints) List(_ context.Context, repos []syncline.Repository) ([]syncline.RestorePoint, []syncline.ID, error) {
	var found []syncline.RestorePoint
	for _, p := range f {
		if slices.ContainsFunc(repos, func(r syncline.Repository) bool { return r.ID == p.RepositoryID }) {
			found = append(found, p)
		}
	}
	return found, nil, nil
}

func (f fakePoints) Hidden(context.Context, syncline.ID) ([]syncline.HiddenSnapshot, error) {
	return []syncline.HiddenSnapshot{
		{Snapshot: syncline.Snapshot{ID: syncline.Hash{1}}, Reason: syncline.HiddenDamaged},
		{Snapshot: syncline.Snapshot{ID: syncline.Hash{2}, Time: testPoint.Snapshot.Time, Hostname: "web1", Paths: []string{"/srv"}}, Reason: syncline.HiddenUnsynchronized},
	}, nil
}

func (f fakePoints) Get(_ context.Context, id syncline.ID) (syncline.RestorePoint, error) {
	for _, p := range f {
		if p.ID == id {
			return p, nil
		}
	}
	return syncline.RestorePoint{}, notFound("restore point")
}

// fakeSealer writes in hexadecimal, so that a leak of the sealed form is told
// from a leak of the password.
type fakeSealer struct{}

func (fakeSealer) Seal(id syncline.ID, secret []byte) ([]byte, error) {
	return []byte(string(id) + ":" + hex.EncodeToString(secret)), nil
}

func (fakeSealer) Open(id syncline.ID, sealed []byte) ([]byte, error) {
	rest, ok := strings.CutPrefix(string(sealed), string(id)+":")
	if !ok {
		return nil, errors.New("sealed for another key")
	}
	return hex.DecodeString(rest)
}

// fakeNodes is one node, which is online once it was looked at, or the nodes of all.
type fakeNodes struct {
	mu      sync.Mutex
	rescans int
	all     []syncline.Node // the first one answers; nil for one node
}

func (f *fakeNodes) Nodes(context.Context) ([]syncline.Node, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := slices.Clone(f.known())
	all[0].Online = all[0].Online || f.rescans > 0
	return all, nil
}

func (f *fakeNodes) known() []syncline.Node {
	if f.all == nil {
		f.all = []syncline.Node{{
			ID: nodeID, HostName: "host", Description: "Syncline", Port: 4443, Threads: 2, Version: "1.2.3", Address: "host:4443",
			Load: syncline.NodeLoad{CPUPermille: -1},
		}}
	}
	return f.all
}

func (f *fakeNodes) SelfID() syncline.ID {
	all, _ := f.Nodes(context.Background())
	return all[0].ID
}

func (f *fakeNodes) Rescan(context.Context, syncline.ID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rescans++
	return nil
}

func (f *fakeNodes) SetMaintenance(_ context.Context, id syncline.ID, on bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.known() {
		if f.all[i].ID == id {
			f.all[i].Maintenance = on
			return nil
		}
	}
	return notFound("node")
}

func (f *fakeNodes) Remove(_ context.Context, id syncline.ID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known()[0].ID == id {
		return syncline.Errorf(syncline.CodeConflict, "it lives; stop it instead")
	}
	f.all = slices.DeleteFunc(f.all, func(n syncline.Node) bool { return n.ID == id })
	return nil
}

// fakeChecks are the last checks of repositories, and the time of the next ones.
type fakeChecks struct {
	mu          sync.Mutex
	last        map[syncline.ID]syncline.Check
	next        time.Time
	rescheduled int
	retried     []syncline.ID
}

func (f *fakeChecks) LastCheck(id syncline.ID) (syncline.Check, time.Time) { return f.LastChecks()(id) }

func (f *fakeChecks) LastChecks() func(syncline.ID) (syncline.Check, time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, next := maps.Clone(f.last), f.next
	return func(id syncline.ID) (syncline.Check, time.Time) { return last[id], next }
}

func (f *fakeChecks) Retry(id syncline.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.retried = append(f.retried, id)
}

func (f *fakeChecks) Reschedule() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rescheduled++
}
