package series

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/clip"
	"syncline.dev/syncline/internal/store"
)

// maxListed bounds the series that one condition names.
const maxListed = 20

// The subjects of conditions that are not about one series.
const (
	subjectSilent    = "silent at attaching"
	subjectUnseen    = "not looked at"
	subjectUnwatched = "unwatched"
)

// state is what a question about series reads.
type state struct {
	repositories []syncline.Repository
	rules        []syncline.AlarmRule
	looks        map[syncline.ID]*syncline.Look
	series       map[syncline.ID][]syncline.Series // by repository
	examined     map[syncline.ID]store.Examination // by series
}

func (s *Service) state(ctx context.Context) (st state, err error) {
	if st.repositories, err = s.Repositories.Repositories(ctx); err != nil {
		return st, err
	}
	if st.rules, err = s.Store.AlarmRules(ctx); err != nil {
		return st, err
	}
	looks, err := s.allLooks(ctx)
	if err != nil {
		return st, err
	}
	list, err := s.Store.Series(ctx, "")
	if err != nil {
		return st, err
	}
	examined, err := s.Store.Examinations(ctx, "")
	if err != nil {
		return st, err
	}
	st.examined = make(map[syncline.ID]store.Examination, len(examined))
	for _, e := range examined {
		st.examined[e.SeriesID] = e
	}
	st.looks = make(map[syncline.ID]*syncline.Look, len(st.repositories))
	for _, r := range st.repositories {
		l := looks[r.ID]
		l.RepositoryID = r.ID
		st.looks[r.ID] = &l
	}
	st.series = make(map[syncline.ID][]syncline.Series, len(st.repositories))
	for _, x := range list {
		st.series[x.RepositoryID] = append(st.series[x.RepositoryID], x)
	}
	return st, nil
}

func (st *state) judge(r *syncline.Repository, x *syncline.Series, now time.Time) verdict {
	return judge(x, st.rules, st.looks[r.ID], !r.OutOfSync, now)
}

// report tells the reporter which conditions hold.
func (s *Service) report(ctx context.Context, now time.Time) error {
	st, err := s.state(ctx)
	if err != nil {
		return err
	}
	s.forget(st.repositories)
	if s.Reporter == nil {
		return nil
	}
	for i := range st.repositories {
		if err := ctx.Err(); err != nil {
			return err
		}
		r := &st.repositories[i]
		late := st.late(r, now)
		if !s.tells(r.ID, now) && slices.ContainsFunc(late, isUnseen) {
			continue
		}
		if err := s.tell(ctx, syncline.AlarmBackupLate, r.ID, late); err != nil {
			return err
		}
	}
	return nil
}

// isUnseen reports whether a condition is that of a repository that nobody looks at.
func isUnseen(c syncline.Condition) bool { return c.Subject == subjectUnseen }

// late returns the conditions of a repository's series. The desk of alarms bounds how many
// of them are told of one by one.
func (st *state) late(r *syncline.Repository, now time.Time) (all []syncline.Condition) {
	var silent, unseen []*syncline.Series
	for i := range st.series[r.ID] {
		x := &st.series[r.ID][i]
		v := st.judge(r, x, now)
		switch {
		case v.state == syncline.MachineLate && x.SilentAtFirst:
			silent = append(silent, x)
		case v.state == syncline.MachineLate:
			all = append(all, lateCondition(r, x, v))
		case v.unseen && !x.SilentAtFirst:
			unseen = append(unseen, x)
		}
	}
	look := st.looks[r.ID]
	about := func(subject string, severity syncline.Severity, message string) {
		all = append(all, syncline.Condition{
			Kind: syncline.AlarmBackupLate, Severity: severity, RepositoryID: r.ID, Subject: subject, Message: message, Link: "/machines?repository=" + string(r.ID),
		})
	}
	if len(silent) > 0 {
		about(subjectSilent, syncline.SeverityInfo, fmt.Sprintf(
			"The repository %q has series that were silent already when they were first seen: %s. Retire those that are over, and see why the others are not backed up.", r.Name, listed(silent)))
	}
	if len(unseen) > 0 {
		about(subjectUnseen, syncline.SeverityWarning, fmt.Sprintf(
			"Backups in the repository %q are late or unseen: it was not looked at since %s, and more backups were due: %s. Make the repository reachable and synchronize it.",
			r.Name, timeText(look.LookedAt), listed(unseen)))
	}
	if look.Unwatched > 0 {
		about(subjectUnwatched, syncline.SeverityWarning, fmt.Sprintf(
			"The repository %q has %d series that are not watched, because it has more than %d; among them are those of %s. Split the repository, or retire series whose snapshots are gone.",
			r.Name, look.Unwatched, MaxSeries, strings.Join(look.Names, ", ")))
	}
	return all
}

func lateCondition(r *syncline.Repository, x *syncline.Series, v verdict) syncline.Condition {
	severity, usual := syncline.SeverityWarning, "nine of ten come within "+DurationText(x.Rhythm.Round(time.Minute))
	if v.rule != nil {
		severity, usual = v.rule.Severity, fmt.Sprintf("the rule %q wants one every %s", v.rule.Name, DurationText(v.rule.MaxAge))
	}
	last := "there has been no backup"
	if !x.LastSeen.IsZero() {
		last = "the last backup was seen at " + timeText(x.LastSeen)
	}
	if x.Future > 0 {
		last += fmt.Sprintf(" (%d newer ones claim the future and do not count: set the clock of the machine)", x.Future)
	}
	return syncline.Condition{
		Kind: syncline.AlarmBackupLate, Severity: severity, RepositoryID: r.ID, Subject: string(x.ID),
		HostName: x.HostName, Paths: x.Paths, Link: "/machines/" + string(MachineID(x.HostName)),
		Message: fmt.Sprintf("The backup of %s in the repository %q is late: %s, and one was due by %s, as %s. See why it does not run, or retire it when it is over.",
			name(x), r.Name, last, timeText(v.due), usual),
	}
}

// name names a series in a message.
func name(x *syncline.Series) string {
	const most = 3
	paths := slices.Clone(x.Paths[:min(len(x.Paths), most)])
	for i := range paths {
		paths[i] = printable(clip.Text(paths[i], 60))
	}
	text := strings.Join(paths, ", ")
	if more := len(x.Paths) - len(paths) + x.MorePaths; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if x.HostName == "" {
		return fmt.Sprintf("a host without a name (%s)", text)
	}
	return fmt.Sprintf("%s (%s)", printable(clip.Text(x.HostName, 60)), text)
}

// listed names some of many series, and counts the others.
func listed(list []*syncline.Series) string {
	var names []string
	for _, x := range list[:min(len(list), maxListed)] {
		names = append(names, name(x))
	}
	if more := len(list) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// timeText is a time in a message. It is the same at each evaluation, so that an alarm
// does not change from minute to minute.
func timeText(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}
