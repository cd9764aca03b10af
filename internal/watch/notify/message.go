package notify

import (
	"fmt"
	"strings"
	"text/template"
	"time"

	"syncline.dev/syncline"
)

// Data is what a template can use.
type Data struct {
	Time     time.Time // at which the message was made, in UTC
	Severity string    // the heaviest of the alarms
	Began    int       // how many of the alarms began
	Worsened int
	Ended    int
	Alarms   []AlarmData // at most syncline.MaxNotices
	More     int         // alarms beyond these
}

// AlarmData is one alarm for a template. No field is nil.
type AlarmData struct {
	Event      string // Began, Worsened or Ended
	Kind       string
	Severity   string
	Repository string // its name; "" for the server itself
	Host       string
	Paths      []string
	Message    string
	Time       time.Time // of the event
	Started    time.Time
	Link       string
	ID         string
}

func dataOf(d *syncline.Delivery) Data {
	data := Data{Time: d.CreatedAt.UTC(), More: d.More}
	heaviest := syncline.Severity("")
	for _, n := range d.Notices {
		switch n.Event {
		case syncline.AlarmBegan:
			data.Began++
		case syncline.AlarmWorsened:
			data.Worsened++
		case syncline.AlarmEnded:
			data.Ended++
		}
		if n.Severity.Rank() > heaviest.Rank() {
			heaviest = n.Severity
		}
		data.Alarms = append(data.Alarms, AlarmData{
			Event: string(n.Event), Kind: string(n.Kind), Severity: string(n.Severity), Repository: n.RepositoryName, Host: n.HostName,
			Paths: n.Paths, Message: n.Message, Time: n.At.UTC(), Started: n.StartedAt.UTC(), Link: n.Link, ID: string(n.AlarmID),
		})
	}
	data.Severity = string(heaviest)
	return data
}

// The built-in templates.
const (
	defaultSubject = `Syncline: {{if eq (len .Alarms) 1}}{{with index .Alarms 0}}{{if eq .Event "Ended"}}ended: {{else if eq .Event "Worsened"}}worse, {{.Severity}}: {{else}}{{.Severity}}: {{end}}{{.Kind}}{{if .Host}} of {{.Host}}{{end}}{{if .Repository}} in {{.Repository}}{{end}}{{end}}` +
		`{{else}}{{if .Began}}{{.Began}} alarms began{{if or .Worsened .Ended}}, {{end}}{{end}}{{if .Worsened}}{{.Worsened}} worsened{{if .Ended}}, {{end}}{{end}}{{if .Ended}}{{.Ended}} ended{{end}}{{end}}`
	defaultBody = `{{range .Alarms}}{{.Event}}: {{.Kind}} ({{.Severity}}){{if .Host}} of {{.Host}}{{end}}{{if .Repository}} in {{.Repository}}{{end}}
{{.Message}}
{{if .Paths}}paths: {{join ", " .Paths}}
{{end}}{{date "2006-01-02 15:04 MST" .Time}}{{if eq .Event "Ended"}}, open since {{date "2006-01-02 15:04 MST" .Started}}{{end}}

{{end}}{{if .More}}and {{.More}} more
{{end}}`
)

var builtInSubject, builtInBody = mustParse("subject", defaultSubject), mustParse("body", defaultBody)

func mustParse(field, text string) *template.Template {
	t, err := parseTemplate(field, text)
	if err != nil {
		panic(err)
	}
	return t
}

// Message is a delivery in words.
type Message struct {
	syncline.Delivery
	Subject string // one line
	Text    string
}

// message puts a delivery into words.
func message(c *syncline.Channel, d syncline.Delivery) (Message, error) {
	m := Message{Delivery: d}
	switch d.Kind {
	case syncline.DeliveryDigest:
		m.Subject, m.Text = digestText(d.Digest)
		return m, nil
	case syncline.DeliveryTest, syncline.DeliveryAlarms:
	}
	subject, body := builtInSubject, builtInBody
	var err error
	if c.Subject != "" {
		if subject, err = parseTemplate("subject", c.Subject); err != nil {
			return m, err
		}
	}
	if c.Body != "" {
		if body, err = parseTemplate("body", c.Body); err != nil {
			return m, err
		}
	}
	data := dataOf(&d)
	if m.Subject, err = render(subject, data, maxSubject*4); err != nil {
		return m, err
	}
	if m.Text, err = render(body, data, maxBody); err != nil {
		return m, err
	}
	m.Subject = clean(m.Subject, maxSubject)
	if d.Kind == syncline.DeliveryTest {
		m.Subject = "Test: " + m.Subject
		m.Text = "This is a test. The alarm is made up.\n\n" + m.Text
	}
	return m, nil
}

func digestText(d *syncline.DigestReport) (subject, text string) {
	if d == nil {
		d = &syncline.DigestReport{}
	}
	var b strings.Builder
	if m := d.Machines; m == nil {
		subject = "Syncline: how the machines are is not known"
		b.WriteString("How the backups of the machines are could not be found out.\n")
	} else {
		watched := m.InTime + m.Late + m.Unknown
		if m.InTime == watched {
			subject = fmt.Sprintf("Syncline: all %d machines in time", watched)
		} else {
			subject = fmt.Sprintf("Syncline: %d of %d machines in time", m.InTime, watched)
		}
		fmt.Fprintf(&b, "machines in time: %d\nmachines late: %d\nmachines of which it is not known: %d\nmachines retired: %d\n", m.InTime, m.Late, m.Unknown, m.Retired)
	}
	switch {
	case d.Open == 1:
		subject += ", 1 alarm open"
	case d.Open > 1:
		subject += fmt.Sprintf(", %d alarms open", d.Open)
	}
	fmt.Fprintf(&b, "open alarms: %d\n", d.Open)
	return subject, b.String()
}
