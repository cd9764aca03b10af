package series

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
)

// machineSpace is the name space of the ids of machines.
var machineSpace = uuid.MustParse("c3f0d6be-5b8e-4f56-9d2e-0f1c5a7e2b19")

// MachineID returns the id of the machine with a host name.
func MachineID(host string) syncline.ID {
	return syncline.ID(uuid.NewSHA1(machineSpace, []byte(host)).String())
}

// Machine is one host of all repositories.
type Machine struct {
	ID       syncline.ID
	HostName string
	// State is the state of the series together. Late is the strongest one, then Unknown
	// because a repository was not looked at, InTime, Unknown for want of a rhythm, and
	// Retired.
	State      syncline.MachineState
	LastBackup time.Time // of all series, zero for none
	Series     []SeriesState
}

// SeriesState is a series with its state.
type SeriesState struct {
	syncline.Series
	RepositoryName string
	State          syncline.MachineState
	Reason         Reason    // only with MachineUnknown
	LateAfter      time.Time // zero where nobody can tell
	Rule           *syncline.AlarmRule
	// Unusual says in which ways the last unusual backup is so, while that is told of.
	// UnusualLink is the page of the console that shows it.
	Unusual, UnusualLink string
	// Skipped says that the newest backup could not be compared with the one before it.
	Skipped bool
}

// MachinesQuery selects machines. Empty fields select all.
type MachinesQuery struct {
	State        syncline.MachineState
	RepositoryID syncline.ID // machines with series there, and only these series
	HostName     string      // letter case aside
	Limit        int         // 0 for no bound
	Offset       int
}

// Machines is a page of machines, and how many there are.
type Machines struct {
	Machines []Machine
	Total    int // machines that the query selects
	// The counts are of the machines that the query selects, in whatever state.
	InTime, Late, Unknown, Retired int
	// Unwatched counts the series beyond the bound of a repository.
	Unwatched int
}

// Machines returns machines: the late ones first, then those of an unknown state, in
// time, and retired, each by their names.
func (s *Service) Machines(ctx context.Context, q MachinesQuery) (answer Machines, err error) {
	st, err := s.state(ctx)
	if err != nil {
		return answer, err
	}
	all := st.machines(q, s.Now())
	for _, l := range st.looks {
		if q.RepositoryID == "" || q.RepositoryID == l.RepositoryID {
			answer.Unwatched += l.Unwatched
		}
	}
	for i := range all {
		switch all[i].State {
		case syncline.MachineInTime:
			answer.InTime++
		case syncline.MachineLate:
			answer.Late++
		case syncline.MachineUnknown:
			answer.Unknown++
		case syncline.MachineRetired:
			answer.Retired++
		}
	}
	all = slices.DeleteFunc(all, func(m Machine) bool { return q.State != "" && m.State != q.State })
	answer.Total = len(all)
	all = all[min(q.Offset, len(all)):]
	if q.Limit > 0 {
		all = all[:min(q.Limit, len(all))]
	}
	answer.Machines = all
	return answer, nil
}

// CountMachines counts the machines in each state, also where there are none.
func (s *Service) CountMachines(ctx context.Context) (map[syncline.MachineState]int, error) {
	all, err := s.Machines(ctx, MachinesQuery{})
	return map[syncline.MachineState]int{
		syncline.MachineInTime: all.InTime, syncline.MachineLate: all.Late, syncline.MachineUnknown: all.Unknown, syncline.MachineRetired: all.Retired,
	}, err
}

// Machine returns one machine.
func (s *Service) Machine(ctx context.Context, id syncline.ID) (Machine, error) {
	st, err := s.state(ctx)
	if err != nil {
		return Machine{}, err
	}
	all := st.machines(MachinesQuery{}, s.Now())
	if i := slices.IndexFunc(all, func(m Machine) bool { return m.ID == id }); i >= 0 {
		return all[i], nil
	}
	return Machine{}, unknownMachine(id)
}

func unknownMachine(id syncline.ID) error {
	return syncline.Errorf(syncline.CodeNotFound, "there is no machine and no series with the id %s", id)
}

func (st *state) machines(q MachinesQuery, now time.Time) []Machine {
	byHost := make(map[string]*Machine)
	for i := range st.repositories {
		r := &st.repositories[i]
		if q.RepositoryID != "" && q.RepositoryID != r.ID {
			continue
		}
		for j := range st.series[r.ID] {
			x := &st.series[r.ID][j]
			if q.HostName != "" && !strings.EqualFold(q.HostName, x.HostName) {
				continue
			}
			m := byHost[x.HostName]
			if m == nil {
				m = &Machine{ID: MachineID(x.HostName), HostName: x.HostName}
				byHost[x.HostName] = m
			}
			v := st.judge(r, x, now)
			one := SeriesState{
				Series: *x, RepositoryName: r.Name, State: v.state, Reason: v.reason, LateAfter: v.due, Rule: v.rule,
				Skipped: st.examined[x.ID].Skipped,
			}
			if f := findingOf(st.examined[x.ID].Unusual); f != nil {
				one.Unusual, one.UnusualLink = f.Message, f.Link
			}
			m.Series = append(m.Series, one)
			if x.LastBackup.After(m.LastBackup) {
				m.LastBackup = x.LastBackup
			}
		}
	}
	all := make([]Machine, 0, len(byHost))
	for _, m := range byHost {
		strongest := slices.MaxFunc(m.Series, func(a, b SeriesState) int { return cmp.Compare(strength(&a), strength(&b)) })
		m.State = strongest.State
		all = append(all, *m)
	}
	slices.SortFunc(all, func(a, b Machine) int {
		return cmp.Or(cmp.Compare(place(a.State), place(b.State)), strings.Compare(a.HostName, b.HostName))
	})
	return all
}

// strength orders the states of series, for that of their machine.
func strength(x *SeriesState) int {
	switch {
	case x.State == syncline.MachineLate:
		return 4
	case x.Reason == NotLookedAt:
		return 3
	case x.State == syncline.MachineInTime:
		return 2
	case x.Reason == NoRhythm:
		return 1
	}
	return 0
}

// place orders the states of machines in a list.
func place(state syncline.MachineState) int {
	return slices.Index([]syncline.MachineState{syncline.MachineLate, syncline.MachineUnknown, syncline.MachineInTime, syncline.MachineRetired}, state)
}

// Retire ends the watch of a machine, or of one series, in a user's name.
func (s *Service) Retire(ctx context.Context, id syncline.ID, by string) error {
	return s.retire(ctx, id, by, s.Now())
}

// Resume watches a machine, or one series, again.
func (s *Service) Resume(ctx context.Context, id syncline.ID) error {
	return s.retire(ctx, id, "", time.Time{})
}

func (s *Service) retire(ctx context.Context, id syncline.ID, by string, at time.Time) error {
	list, err := s.Store.Series(ctx, "")
	if err != nil {
		return err
	}
	var chosen []syncline.ID
	for i := range list {
		if list[i].ID == id || MachineID(list[i].HostName) == id {
			chosen = append(chosen, list[i].ID)
		}
	}
	if len(chosen) == 0 {
		return unknownMachine(id)
	}
	if err := s.Store.SetRetired(ctx, chosen, by, at); err != nil {
		return err
	}
	s.reportSoon()
	return nil
}

// reportSoon makes Run evaluate at once.
func (s *Service) reportSoon() {
	select {
	case s.woken() <- struct{}{}:
	default:
	}
}
