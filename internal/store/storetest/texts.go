package storetest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// oddTexts are texts as others may choose them: names of hosts and of files, tags,
// messages.
func oddTexts() map[string]string {
	random := rand.NewChaCha8([32]byte{})
	noise := make([]byte, 1<<16)
	_, _ = random.Read(noise) // always whole
	return map[string]string{
		"NUL":        "a\x00b\x00",
		"noUTF8":     "\xff\xfe a \xc3(\xed\xa0\x80",
		"latin1":     "gr\xfc\xdfe",
		"control":    "\x01\x01\x02 \x01ff\x7f\x1b[31m",
		"quotes":     `'";--\ \x00 $1 ?1 ? %s` + "`",
		"wide":       "\u202e\U0010ffff\ufffd\ufeff\u2028",
		"whitespace": " \t\r\n ",
		"long":       strings.Repeat("x\u00e9", 1<<19),
		"noise":      string(noise),
	}
}

// testOddTexts keeps each text wherever another one than this program chooses it.
func testOddTexts(t *testing.T, s store.Store) {
	for name, text := range oddTexts() {
		t.Run(name, func(t *testing.T) {
			t.Run("Configuration", func(t *testing.T) { oddConfiguration(t, s, text) })
			t.Run("Users", func(t *testing.T) { oddUsers(t, s, text) })
			t.Run("Work", func(t *testing.T) { oddWork(t, s, text) })
			t.Run("Watch", func(t *testing.T) { oddWatch(t, s, text) })
			t.Run("Channels", func(t *testing.T) { oddChannels(t, s, text) })
		})
	}
}

// same fails unless got is want, and tells no more of them than fits.
func same(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %.300q\nwant %.300q", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
	}
}

func oddConfiguration(t *testing.T, s store.Store, text string) {
	ctx := t.Context()
	k := syncline.EncryptionKey{ID: newID(), Description: text, CreatedAt: base, ManagedBy: text}
	check(t, s.AddKey(ctx, k, []byte(text)))
	same(t, must(s.Key(ctx, k.ID))(t), k)
	if got := must(s.SealedPassword(ctx, k.ID))(t); string(got) != text {
		t.Errorf("the sealed password has %d bytes", len(got))
	}
	a := syncline.Account{ID: newID(), Kind: syncline.KindS3, UserName: text, Method: text, Description: text, CreatedAt: base, ManagedBy: text}
	check(t, s.AddAccount(ctx, a, []byte("sealed")))
	same(t, must(s.Account(ctx, a.ID))(t), a)
	v := syncline.ObjectStorage{
		ID: newID(), Name: text, Description: text, Kind: syncline.KindS3, AccountID: a.ID, Cloud: syncline.CloudGlobal,
		Endpoint: text, Region: text, Bucket: text, Folder: text, CreatedAt: base, ManagedBy: text,
	}
	check(t, s.AddObjectStorage(ctx, v))
	same(t, must(s.ObjectStorage(ctx, v.ID))(t), v)
	r := syncline.Repository{
		ID: newID(), Name: text, Description: text, Path: text, ObjectStorageID: v.ID, EncryptionKeyID: k.ID, CreatedAt: base,
		Schedule: syncline.Schedule{Cron: text, TimeZone: text}, ResticID: text, ManagedBy: text,
	}
	check(t, s.AddRepository(ctx, r))
	same(t, must(s.Repository(ctx, r.ID))(t), r)
	again := r
	again.ID = newID()
	wantCode(t, s.AddRepository(ctx, again), syncline.CodeConflict) // the name is taken
	wantCode(t, s.DeleteObjectStorage(ctx, v.ID), syncline.CodeConflict)
	same(t, must(s.Managers(ctx))(t), []string{text})
	check(t, s.Release(ctx, text))
	wantCode(t, s.Release(ctx, text), syncline.CodeNotFound)
	check(t, s.DeleteRepository(ctx, r.ID))
	_, err := s.Repository(ctx, syncline.ID(text))
	wantCode(t, err, syncline.CodeNotFound)
}

func oddUsers(t *testing.T, s store.Store, text string) {
	ctx := t.Context()
	u := syncline.User{Name: text, Role: syncline.RoleViewer, PasswordHash: text, CreatedAt: base, ManagedBy: text}
	check(t, s.AddUser(ctx, u))
	same(t, must(s.User(ctx, text))(t), u)
	wantCode(t, s.AddUser(ctx, u), syncline.CodeConflict)
	token := newToken(newID(), text, true)
	check(t, s.AddTokens(ctx, token))
	same(t, must(s.Token(ctx, token.Hash, base))(t), token)
	check(t, s.DeleteUser(ctx, text))
	_, err := s.User(ctx, text)
	wantCode(t, err, syncline.CodeNotFound)
}

func oddWork(t *testing.T, s store.Store, text string) {
	ctx := t.Context()
	repo := addRepository(t, s, string(newID()))
	w := newWork(restore, repo.ID, base)
	const bound = "node \xfe"
	putNode(t, s, bound)
	w.StartedBy, w.Order, w.Node = text, text, bound
	w, _, err := s.AddWork(ctx, w)
	check(t, err)
	w.State, w.Error, w.Result, w.StartedAt = syncline.WorkFailed, text, text, base
	items := []syncline.LogItem{{Time: base, Level: syncline.LogInfo, Message: text}, {Time: base, Level: syncline.LogError, Message: "m"}}
	check(t, s.AppendLog(ctx, w.ID, w.Epoch, items...))
	check(t, s.UpdateWork(ctx, w))
	same(t, must(s.Work(ctx, restore, w.ID))(t), w)
	same(t, must(s.WorkPage(ctx, store.WorkQuery{Kind: restore, StartedBy: text, Limit: 9}))(t), []store.Work{w})
	if log := whole(t, s, w); len(log) != 2 || log[0].Message != text {
		t.Errorf("the log has %d items", len(log))
	}
	check(t, s.DeleteRepository(ctx, repo.ID))
	check(t, s.DeleteNode(ctx, bound, 0))
}

func oddWatch(t *testing.T, s store.Store, text string) {
	ctx := t.Context()
	repo := addRepository(t, s, string(newID()))
	r := newSeries(repo.ID, text, 2)
	r.Paths, r.Tags = []string{text, ""}, []string{"", text}
	check(t, s.SaveSeries(ctx, repo.ID, []store.SeriesRecord{r}))
	check(t, s.SetRetired(ctx, []syncline.ID{r.ID}, text, base))
	r.RetiredBy, r.RetiredAt = text, base
	same(t, must(s.Series(ctx, repo.ID))(t), []syncline.Series{r.Series})
	e := store.Examination{SeriesID: r.ID, Past: text, Unusual: text}
	check(t, s.SaveExamination(ctx, e))
	same(t, must(s.Examination(ctx, r.ID))(t), e)
	look := syncline.Look{RepositoryID: repo.ID, LookedAt: base, Names: []string{text}}
	check(t, s.SetLook(ctx, look))
	same(t, must(s.Looks(ctx))(t), []syncline.Look{look})
	c := syncline.Check{RepositoryID: repo.ID, At: base, Error: text, Listing: text, Plan: text, Session: syncline.SessionVerdict{Error: text, Listing: text}}
	check(t, s.PutChecks(ctx, c))
	same(t, must(s.CheckOf(ctx, repo.ID))(t), c)
	rule := syncline.AlarmRule{
		ID: newID(), Name: text, Kind: syncline.AlarmBackupLate, RepositoryID: repo.ID, HostPattern: text, Paths: []string{text},
		Tag: text, Severity: syncline.SeverityInfo, CreatedAt: base, ManagedBy: text,
	}
	check(t, s.AddAlarmRule(ctx, rule))
	same(t, must(s.AlarmRule(ctx, rule.ID))(t), rule)
	alarm := syncline.Alarm{ID: newID(), StartedAt: base, Condition: syncline.Condition{
		Kind: syncline.AlarmBackupLate, RepositoryID: repo.ID, Subject: text, Severity: syncline.SeverityInfo,
		HostName: text, Paths: []string{text}, Message: text, Link: text,
	}}
	check(t, s.ChangeAlarms(ctx, base, []store.AlarmChange{{Alarm: alarm, New: true}}))
	second := alarm
	second.ID = newID()
	wantCode(t, s.ChangeAlarms(ctx, base, []store.AlarmChange{{Alarm: second, New: true}}), syncline.CodeConflict)
	alarm.AcknowledgedBy, alarm.AcknowledgedAt, alarm.Note = text, base, text
	same(t, must(s.AcknowledgeAlarm(ctx, alarm.ID, text, base, &text))(t), alarm)
	check(t, s.DeleteRepository(ctx, repo.ID))
}

func oddChannels(t *testing.T, s store.Store, text string) {
	ctx := t.Context()
	c := syncline.Channel{ID: newID(), Name: text, Kind: syncline.ChannelWebhook, Subject: text, Body: text, CreatedAt: base, HasSecret: true}
	check(t, s.AddChannel(ctx, c, []byte(text), 10))
	same(t, must(s.Channel(ctx, c.ID))(t), c)
	d := syncline.Delivery{ID: newID(), ChannelID: c.ID, Kind: syncline.DeliveryTest, CreatedAt: base, State: syncline.DeliveryPending, NextAt: base}
	check(t, s.Hand(ctx, nil, []syncline.Delivery{d}))
	d.State, d.Error, d.EndedAt, d.NextAt = syncline.DeliveryFailed, text, base, base.Add(0)
	check(t, s.UpdateDelivery(ctx, d))
	list, _, err := s.Deliveries(ctx, c.ID, 9, 0)
	check(t, err)
	same(t, list, []syncline.Delivery{d})
	if got := must(s.Channel(ctx, c.ID))(t); got.LastError != text {
		t.Errorf("the last error has %d bytes", len(got.LastError))
	}
	check(t, s.DeleteChannel(ctx, c.ID))
}

// testNameOrder lists names by their bytes, whatever language a database is set to.
func testNameOrder(t *testing.T, s store.Store) {
	ctx := t.Context()
	want := []string{"", "\x00", "\x01", "\x01z", "10", "9", "_", "a b", "a-b", "ab", "z", "ß", "ä", "é", "ж", "中", "\U0001f600"}
	fold := map[string]string{}
	for _, name := range want {
		fold[store.FoldName(name)] = name
	}
	keys := make([]string, 0, len(want))
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(len(want)) {
		keys = append(keys, store.FoldName(want[i]))
		check(t, s.AddUser(ctx, syncline.User{Name: want[i], Role: syncline.RoleViewer, CreatedAt: base}))
		k := syncline.EncryptionKey{ID: newID(), ManagedBy: want[i], CreatedAt: base}
		check(t, s.AddKey(ctx, k, nil))
	}
	slices.Sort(keys)
	var got, sorted []string
	for _, u := range must(s.Users(ctx))(t) {
		got = append(got, u.Name)
	}
	for _, k := range keys {
		sorted = append(sorted, fold[k])
	}
	same(t, got, sorted)
	slices.Sort(want)
	same(t, must(s.Managers(ctx))(t), want[1:]) // an empty name is none
}
