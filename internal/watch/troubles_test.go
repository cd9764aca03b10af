package watch_test

import (
	"slices"
	"time"

	"syncline.dev/syncline"
)

var (
	errAway    = syncline.Errorf(syncline.CodeUnavailable, "the storage did not answer within 1m0s; check that it is there")
	errGone    = syncline.Errorf(syncline.CodeNoRepository, "there is no restic repository at this place; check the path")
	errDamaged = syncline.Errorf(syncline.CodeDamaged, "3 objects are missing or damaged; run restic check on the repository")
	errWrong   = syncline.Errorf(syncline.CodeWrongPassword, "wrong password: it opens none of the repository's keys; check the encryption key")
)

// The events that the receiver hears of an alarm.
const (
	began = "Began"
	ended = "Began Ended"
	worse = "Began Worsened Ended"
)

// silent lets a machine not be backed up for a time, and returns the alarm of it. Without
// an end the machine is never backed up again.
func (p *play) silent(repository string, n int, from, to time.Time, limit time.Duration) expected {
	m := p.machine(repository, n)
	last := p.last(m, from)
	e := expected{
		kind: syncline.AlarmBackupLate, repository: repository, host: m.host, severity: syncline.SeverityWarning,
		begin: last.Add(limit), told: began,
	}
	off := [2]time.Time{from, day(10 * days)}
	if !to.IsZero() {
		off[1] = to
		e.end, e.told = p.next(m, to), ended
	}
	m.off = append(m.off, off)
	return e
}

// unseen is the alarm of a repository that nobody can look into, after the time at which
// the first backup was due there.
func (p *play) unseen(repository string, from, to time.Time) expected {
	first := to
	for _, m := range p.machines {
		if m.repository != repository {
			continue
		}
		if due := p.last(m, from).Add(limits[m.rhythm]); due.Before(first) {
			first = due
		}
	}
	return expected{
		kind: syncline.AlarmBackupLate, repository: repository, subject: "not looked at", severity: syncline.SeverityWarning,
		begin: first, end: to, told: ended,
	}
}

// about is an alarm of a whole repository.
func about(kind syncline.AlarmKind, repository string, severity syncline.Severity, from, to time.Time, told string) expected {
	return expected{kind: kind, repository: repository, severity: severity, begin: from, end: to, told: told}
}

// troubles are the quarter's. Each has a repository of its own.
func troubles() []trouble {
	return slices.Concat(troublesOfMachines(), troublesOfRepositories(), troublesOfTheServer())
}

// troublesOfMachines are machines that are not backed up, or not as they were.
func troublesOfMachines() []trouble {
	const warning, critical = syncline.SeverityWarning, syncline.SeverityCritical
	return []trouble{
		{name: "A daily machine is not backed up for five days.", plan: func(_ *quarter, p *play) []expected {
			return []expected{p.silent("r01", 0, day(10), day(15), limits["daily"])}
		}},
		{name: "A machine that is backed up on workdays dies.", plan: func(_ *quarter, p *play) []expected {
			return []expected{p.silent("r02", 3, day(20), time.Time{}, limits["workdays"])}
		}},
		{name: "A machine that is backed up weekly misses two turns.", plan: func(_ *quarter, p *play) []expected {
			return []expected{p.silent("r03", 5, day(21), day(37), limits["weekly"])}
		}},
		{name: "A machine that is backed up every six hours is off for a weekend.", plan: func(_ *quarter, p *play) []expected {
			return []expected{p.silent("r04", 1, day(25), day(27), limits["6 hours"])}
		}},
		{name: "A daily machine dies and is retired four days later.", plan: func(q *quarter, p *play) []expected {
			e := p.silent("r05", 0, day(12), time.Time{}, limits["daily"])
			p.on(day(16), func() { q.must(q.series.Retire(q.t.Context(), q.seriesOf(e.host), "ann")) })
			e.end, e.told = day(16), ended
			return []expected{e}
		}},
		{name: "A daily machine dies, and the alarm is acknowledged.", plan: func(q *quarter, p *play) []expected {
			e := p.silent("r06", 0, day(30), time.Time{}, limits["daily"])
			p.on(day(33), func() {
				_, err := q.store.AcknowledgeAlarm(q.t.Context(), q.alarm(syncline.AlarmBackupLate, e.host).ID, "ann", q.clock(), nil)
				q.must(err)
			})
			return []expected{e}
		}},
		{name: "A daily machine has a rule that wants a backup every 26 hours, and is off for two days.", plan: func(q *quarter, p *play) []expected {
			q.must(q.store.AddAlarmRule(q.t.Context(), syncline.AlarmRule{
				ID: newID(), Name: "database", Kind: syncline.AlarmBackupLate, HostPattern: "r07-0", MaxAge: 26 * time.Hour, Severity: critical, CreatedAt: quarterBegin,
			}))
			e := p.silent("r07", 0, day(22), day(24), 26*time.Hour)
			e.severity = critical
			return []expected{e}
		}},
		{name: "All seven machines of a site are off for four days.", plan: func(_ *quarter, p *play) (all []expected) {
			for n := range 7 {
				if r := p.machine("r09", n).rhythm; r != "weekly" {
					e := p.silent("r09", n, day(76), day(80), limits[r])
					if r == "workdays" && e.begin.After(e.end) {
						continue // the weekend hides it
					}
					all = append(all, e)
				}
			}
			return all
		}},
		{name: "A backup changes three quarters of a machine's files.", plan: func(q *quarter, p *play) []expected {
			m := p.machine("r21", 1)
			at := p.next(m, day(42))
			m.changes = map[time.Time]int{at: files * 3 / 4}
			// Comparing costs time: the backups of these days only are compared.
			p.on(day(36), func() { q.series.Comparer = q })
			p.on(day(49), func() { q.series.Comparer = nil })
			return []expected{{
				kind: syncline.AlarmBackupUnusual, repository: "r21", host: m.host, severity: syncline.SeverityCritical,
				begin: at, end: p.next(m, at.Add(72*time.Hour)), told: ended,
			}}
		}},
		{name: "A machine's clock is a year ahead for ten days.", plan: func(_ *quarter, p *play) []expected {
			m := p.machine("r15", 0)
			m.wrongClock, m.ahead = [2]time.Time{day(10), day(20)}, 365*24*time.Hour
			return []expected{{
				kind: syncline.AlarmBackupLate, repository: "r15", host: m.host, severity: warning,
				begin: p.last(m, day(10)).Add(limits["daily"]), end: p.next(m, day(20)), told: ended,
			}}
		}},
		{name: "A new machine is backed up three times and then removed.", plan: func(_ *quarter, p *play) []expected {
			p.machines = append(p.machines, &machine{repository: "r16", host: "r16-new", rhythm: "daily", minute: 600, from: day(30), off: [][2]time.Time{{day(33), day(10 * days)}}})
			return nil
		}},
	}
}

// troublesOfRepositories are repositories and storage that fail.
func troublesOfRepositories() []trouble {
	const warning, critical = syncline.SeverityWarning, syncline.SeverityCritical
	return []trouble{
		{name: "The storage does not answer for half an hour.", plan: func(q *quarter, p *play) []expected {
			p.away(q, "r10", day(5), day(5).Add(step), errAway)
			return []expected{about(syncline.AlarmRepositoryUnreachable, "r10", warning, day(5), day(5).Add(step), ended)}
		}},
		{name: "The storage does not answer for three days.", plan: func(q *quarter, p *play) []expected {
			p.away(q, "r11", day(25), day(28), errAway)
			return []expected{about(syncline.AlarmRepositoryUnreachable, "r11", critical, day(25), day(28), worse), p.unseen("r11", day(25), day(28))}
		}},
		{name: "A repository's folder vanishes for two and a half hours.", plan: func(q *quarter, p *play) []expected {
			p.away(q, "r12", day(40), day(40).Add(150*time.Minute), errGone)
			return []expected{about(syncline.AlarmRepositoryUnreachable, "r12", critical, day(40), day(40).Add(150*time.Minute), worse)}
		}},
		{name: "A check finds the repository damaged for a day.", plan: func(q *quarter, p *play) []expected {
			p.away(q, "r13", day(35), day(36), errDamaged)
			return []expected{about(syncline.AlarmRepositoryDamaged, "r13", critical, day(35), day(36), ended), p.unseen("r13", day(35), day(36))}
		}},
		{name: "The repository's password is changed, and put right two days later.", plan: func(q *quarter, p *play) []expected {
			p.failing(q, "r14", day(45), day(47), errWrong)
			begin, end := p.first("r14", day(45)), p.first("r14", day(47))
			return []expected{about(syncline.AlarmSynchronizationFailed, "r14", critical, begin, end, worse), p.unseen("r14", begin, end)}
		}},
		{name: "restic forget keeps five snapshots of each machine, every night.", plan: func(*quarter, *play) []expected { return nil }},
		{name: "A repository is attached in which five machines have been silent for months.", plan: func(q *quarter, p *play) []expected {
			p.on(day(55), func() {
				id := q.attach("old")
				p.ids["old"] = id
				q.change(id, func(r *repository) {
					for n := range 5 {
						for i := range 10 {
							at := day(-60 + float64(i))
							r.there = append(r.there, point(id, "old-"+string(rune('a'+n)), at, at))
						}
					}
				})
			})
			return []expected{{
				kind: syncline.AlarmBackupLate, repository: "old", subject: "silent at attaching", severity: syncline.SeverityInfo, begin: day(55), told: began,
			}}
		}},
		{name: "A repository with a late machine is removed.", plan: func(q *quarter, p *play) []expected {
			e := p.silent("r18", 0, day(75), time.Time{}, limits["daily"])
			e.gone = true
			p.on(day(80), func() {
				id := p.ids["r18"]
				delete(p.ids, "r18")
				q.must(q.store.DeleteRepository(q.t.Context(), id))
			})
			return []expected{e}
		}},
	}
}

// troublesOfTheServer are those of the server, its disks and its users.
func troublesOfTheServer() []trouble {
	const warning, critical = syncline.SeverityWarning, syncline.SeverityCritical
	return []trouble{
		{name: "The server's machine is asleep for two days, and off for two days.", plan: func(q *quarter, p *play) []expected {
			p.paused = [][2]time.Time{{day(50), day(52)}, {day(56), day(58)}}
			p.on(day(58), q.start)
			return nil
		}},
		{name: "The clocks change at the end of summer time.", plan: func(*quarter, *play) []expected { return nil }},
		{name: "The server's disk fills up in two days.", plan: func(q *quarter, p *play) []expected {
			p.on(day(65), func() { q.setSpace(3<<29, 50<<40) })
			p.on(day(66), func() { q.setSpace(1<<29, 50<<40) })
			p.on(day(67), func() { q.setSpace(50<<30, 50<<40) })
			return []expected{{kind: syncline.AlarmStorageLow, subject: "data", severity: critical, begin: day(65), end: day(67), told: worse}}
		}},
		{name: "The disk of all repositories fills up for a day.", plan: func(q *quarter, p *play) []expected {
			p.on(day(68), func() { q.setSpace(50<<30, 10<<30) })
			p.on(day(69), func() { q.setSpace(50<<30, 50<<40) })
			return []expected{about(syncline.AlarmStorageLow, "r00", warning, day(68), day(69), ended)}
		}},
		{name: "An alarm is silenced for a week, and ends in that time.", plan: func(q *quarter, p *play) []expected {
			e := p.silent("r17", 0, day(70), day(74), limits["daily"])
			p.on(day(73), func() {
				_, err := q.store.SilenceAlarm(q.t.Context(), q.alarm(syncline.AlarmBackupLate, e.host).ID, day(80), nil)
				q.must(err)
			})
			e.told = began
			return []expected{e}
		}},
		{name: "The server is started anew, twice in the middle of an alarm.", plan: func(q *quarter, p *play) []expected {
			e := p.silent("r19", 0, day(60), day(64), limits["daily"])
			for _, at := range []float64{59, 62, 63.9} {
				p.on(day(at).Round(step), q.start)
			}
			return []expected{e}
		}},
		{name: "The receiver of the notifications takes none for three hours, while an alarm begins.", plan: func(q *quarter, p *play) []expected {
			e := p.silent("r20", 0, day(84), day(88), limits["daily"])
			p.on(e.begin.Add(-time.Hour).Truncate(step), func() { q.receiver.refuse(true) })
			p.on(e.begin.Add(2*time.Hour).Truncate(step), func() { q.receiver.refuse(false) })
			return []expected{e}
		}},
	}
}
