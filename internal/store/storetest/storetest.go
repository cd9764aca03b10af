// Package storetest is the conformance suite of store.Store: every
// implementation passes it. It knows nothing of any implementation, and it
// waits for signals, never for time to pass.
package storetest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// Open opens the store at place, an empty folder of the test's own. It may use the
// folder, or take the path as a name for data elsewhere. Two stores of one place have
// the same data, also while both are open.
type Open func(t *testing.T, place string) store.Store

// tests each have a store of their own.
var tests = []struct {
	name string
	run  func(*testing.T, store.Store)
}{
	{"Repositories", testRepositories},
	{"RepositoryNames", testRepositoryNames},
	{"RepositoryKeyMustExist", testRepositoryKeyMustExist},
	{"UnknownRepository", testUnknownRepository},
	{"Keys", testKeys},
	{"KeyInUse", testKeyInUse},
	{"RepositoryStorageMustExist", testRepositoryStorageMustExist},
	{"Accounts", testAccounts},
	{"AccountInUse", testAccountInUse},
	{"ObjectStorages", testObjectStorages},
	{"ObjectStorageNames", testObjectStorageNames},
	{"ObjectStorageInUse", testObjectStorageInUse},
	{"Users", testUsers},
	{"LastAdministrator", testLastAdministrator},
	{"LastAdministratorRace", testLastAdministratorRace},
	{"Managers", testManagers},
	{"KeyCheck", testKeyCheck},
	{"Tokens", testTokens},
	{"TokenExpiry", testTokenExpiry},
	{"RefreshOnce", testRefreshOnce},
	{"RefreshRace", testRefreshRace},
	{"EndedFamilyTakesNoTokens", testEndedFamilyTakesNoTokens},
	{"UserChangesEndTokens", testUserChangesEndTokens},
	{"DeleteExpired", testDeleteExpired},
	{"AddWork", ofBothKinds(testAddWork)},
	{"Kinds", testKinds},
	{"Alone", testAlone},
	{"AloneRace", testAloneRace},
	{"UpdateWork", ofBothKinds(testUpdateWork)},
	{"FinalStates", testFinalStates},
	{"ProgressNeverFalls", testProgressNeverFalls},
	{"RequestStop", ofBothKinds(testRequestStop)},
	{"LatestWork", testLatestWork},
	{"WorkPage", ofBothKinds(testWorkPage)},
	{"UnendedWork", testUnendedWork},
	{"Leases", testLeases},
	{"TakeOrder", testTakeOrder},
	{"TakeBound", testTakeBound},
	{"TakeRace", testTakeRace},
	{"Renew", testRenew},
	{"ManyLeases", testManyLeases},
	{"Urgent", testUrgent},
	{"Holds", testHolds},
	{"HoldRace", testHoldRace},
	{"HeldWrites", testHeldWrites},
	{"AddIf", testAddIf},
	{"Wakes", testWakes},
	{"WorkGoesWithRepository", ofBothKinds(testWorkGoesWithRepository)},
	{"Log", ofBothKinds(testLog)},
	{"LogRace", testLogRace},
	{"Thin", testThin},
	{"ThinAll", testThinAll},
	{"Checks", testChecks},
	{"AskCheck", testAskCheck},
	{"Immutability", testImmutability},
	{"ImmutabilityRace", testImmutabilityRace},
	{"Duties", testDuties},
	{"DutyRace", testDutyRace},
	{"DutyOfWrites", testDutyOfWrites},
	{"DutyGuardsEachWrite", testDutyGuardsEachWrite},
	{"Series", testSeries},
	{"Sightings", testSightings},
	{"Looks", testLooks},
	{"SeriesGoWithRepository", testSeriesGoWithRepository},
	{"Examinations", testExaminations},
	{"AlarmRules", testAlarmRules},
	{"Alarms", testAlarms},
	{"AlarmsDuringRemoval", testAlarmsDuringRemoval},
	{"AlarmsOf", testAlarmsOf},
	{"AlarmChanges", testAlarmChanges},
	{"AlarmWas", testAlarmWas},
	{"AlarmHandling", testAlarmHandling},
	{"AlarmEvents", testAlarmEvents},
	{"AlarmRace", testAlarmRace},
	{"ThinAlarms", testThinAlarms},
	{"Channels", testChannels},
	{"Deliveries", testDeliveries},
	{"HandDigest", testHandDigest},
	{"ThinDeliveries", testThinDeliveries},
	{"Nodes", testNodes},
	{"NodeProcesses", testNodeProcesses},
	{"NodeRace", testNodeRace},
	{"KeepManager", testKeepManager},
	{"DeleteNode", testDeleteNode},
	{"DeleteNodeRace", testDeleteNodeRace},
	{"MaxNodes", testMaxNodes},
	{"OddTexts", testOddTexts},
	{"NameOrder", testNameOrder},
	{"CanceledContext", testCanceledContext},
}

// Run runs the suite. The suite closes what it opens.
func Run(t *testing.T, open Open) {
	for _, test := range slices.Concat(tests, limits) {
		t.Run(test.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			t.Cleanup(func() { check(t, s.Close()) })
			test.run(t, s)
		})
	}
	t.Run("Reopen", func(t *testing.T) { testReopen(t, open) })
	t.Run("OpenTwice", func(t *testing.T) { testOpenTwice(t, open) })
	t.Run("Closed", func(t *testing.T) { testClosed(t, open) })
}

// base is a moment with a part below the microsecond: stores keep nanoseconds.
var base = time.Date(2026, 11, 23, 12, 30, 0, 123456789, time.UTC)

func newID() syncline.ID { return syncline.ID(uuid.NewString()) }

// must returns v, or ends the test.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code syncline.Code) {
	t.Helper()
	if syncline.CodeOf(err) != code {
		t.Fatalf("got error %v with code %q, want code %q", err, syncline.CodeOf(err), code)
	}
	if syncline.MessageOf(err) == "" {
		t.Fatalf("error %v has no message for a user", err)
	}
}

func addRepository(t *testing.T, s store.Store, name string) syncline.Repository {
	t.Helper()
	r := syncline.Repository{ID: newID(), Name: name, Path: "/backups/" + name, CreatedAt: base}
	check(t, s.AddRepository(t.Context(), r))
	return r
}

func addKey(t *testing.T, s store.Store) syncline.EncryptionKey {
	t.Helper()
	k := syncline.EncryptionKey{ID: newID(), Description: "a key", CreatedAt: base}
	check(t, s.AddKey(t.Context(), k, []byte("sealed")))
	return k
}

func addAccount(t *testing.T, s store.Store) syncline.Account {
	t.Helper()
	a := syncline.Account{ID: newID(), Kind: syncline.KindS3, UserName: "a name", CreatedAt: base}
	check(t, s.AddAccount(t.Context(), a, []byte("sealed")))
	return a
}

func addStorage(t *testing.T, s store.Store, name string) syncline.ObjectStorage {
	t.Helper()
	v := syncline.ObjectStorage{
		ID: newID(), Name: name, Kind: syncline.KindS3, AccountID: addAccount(t, s).ID, Cloud: syncline.CloudGlobal,
		Bucket: "bucket", CreatedAt: base,
	}
	check(t, s.AddObjectStorage(t.Context(), v))
	return v
}

func addUser(t *testing.T, s store.Store, name string, role syncline.Role) syncline.User {
	t.Helper()
	u := syncline.User{Name: name, Role: role, PasswordHash: "hash of " + name, CreatedAt: base}
	check(t, s.AddUser(t.Context(), u))
	return u
}

// together runs n calls that begin at once, and returns when all have ended.
func together(n int, call func(i int)) {
	var ready, done sync.WaitGroup
	gate := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-gate
			call(i)
		})
	}
	ready.Wait()
	close(gate)
	done.Wait()
}
