// Package doctor has the form of what "syncline doctor" finds. It knows neither the
// checks nor how they are printed.
package doctor

import (
	"fmt"
	"time"

	"syncline.dev/syncline"
)

// Status says how one check ended.
type Status string

// The outcomes of a check. Unknown is for a check that could not be made.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failed  Status = "failed"
	Unknown Status = "unknown"
)

// Finding is the outcome of one check.
type Finding struct {
	Check   string `json:"check"`             // its kind, a word
	Subject string `json:"subject,omitempty"` // a repository, a folder, a host; "" for the installation
	Status  Status `json:"status"`
	Message string `json:"message"`          // what was found
	Advice  string `json:"advice,omitempty"` // what to do, where something is wrong
}

// Good is a finding without fault.
func Good(check, subject, format string, args ...any) Finding {
	return Finding{check, subject, OK, fmt.Sprintf(format, args...), ""}
}

// Bad is a finding with what to do.
func Bad(status Status, check, subject, message, advice string) Finding {
	return Finding{check, subject, status, message, advice}
}

// Fault is a finding of an error, whose message says what to do.
func Fault(status Status, check, subject string, err error) Finding {
	return Finding{check, subject, status, syncline.MessageOf(err), ""}
}

// Count returns how many findings have a status.
func Count(list []Finding, s Status) (n int) {
	for i := range list {
		if list[i].Status == s {
			n++
		}
	}
	return n
}

const (
	// maxSkew is how far two clocks may differ. A second of it is lost in the HTTP
	// header, and some in the answer's way.
	maxSkew = 30 * time.Second
	// soon is how long before its end a certificate is told.
	soon = 30 * 24 * time.Hour
)

// Clock compares a time that somebody else told with this machine's, at the moment
// now. far reports whether they differ too much.
func Clock(told, now time.Time) (difference time.Duration, far bool) {
	difference = told.Sub(now).Round(time.Second)
	return difference, difference.Abs() > maxSkew
}

// Certificate says how long a certificate is good. renew is what to do about it.
func Certificate(subject string, end, now time.Time, renew string) Finding {
	const check, form = "certificate", "2006-01-02 15:04 UTC"
	switch left := end.Sub(now); {
	case left <= 0:
		return Bad(Failed, check, subject, "the certificate ended on "+end.UTC().Format(form), renew)
	case left < soon:
		return Bad(Warning, check, subject, "the certificate ends on "+end.UTC().Format(form), renew)
	}
	return Good(check, subject, "good until %s", end.UTC().Format(form))
}

// Channel is the finding about a channel of notifications. A mute one hears of no alarm.
func Channel(name string, mute bool) Finding {
	if mute {
		return Bad(Warning, "channel", name, "nobody hears of alarms through it: all repositories that it is for are detached",
			"choose other repositories for the channel, or turn it off")
	}
	return Good("channel", name, "it hears of alarms")
}
