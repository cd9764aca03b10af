package notify

import (
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
)

func delivery(n int) syncline.Delivery {
	return syncline.Delivery{Kind: syncline.DeliveryAlarms, CreatedAt: begin, Notices: sample(begin, n)}
}

func TestTemplates(t *testing.T) {
	c := &syncline.Channel{
		Subject: "{{.Severity}}: {{.Began}} began\nBcc: somebody@example.org",
		Body:    `{{range .Alarms}}{{upper .Host}} {{join "+" .Paths}} {{.Time | in "Europe/Berlin" | date "15:04"}} {{.Repository}}{{range $i, $p := .Paths}}{{$p}}{{end}}{{end}}{{if gt .More 0}}!{{end}}`,
	}
	m, err := message(c, delivery(2))
	if err != nil {
		t.Fatal(err)
	}
	if m.Subject != "Warning: 2 began Bcc: somebody@example.org" {
		t.Errorf("the subject is %q", m.Subject)
	}
	if want := strings.Repeat("EXAMPLE /home 13:30 example/home", 2); m.Text != want {
		t.Errorf("the text is %q, want %q", m.Text, want)
	}
}

// A template of a user's own ends, and takes little memory, or is refused.
func TestHostileTemplates(t *testing.T) {
	n := NewNetwork(nil, false)
	for body, want := range map[string]string{
		`{{`:                          "no template",
		`{{.Nothing}}`:                "Nothing",
		`{{range 1000000000}}{{end}}`: "range goes through",
		`{{range .Began}}{{end}}`:     "range goes through",
		`{{$n := 1000000000}}{{range $n}}{{end}}`:                                  "range goes through",
		`{{range len .Alarms}}{{end}}`:                                             "range goes through",
		`{{define "x"}}{{template "x"}}{{end}}`:                                    "define",
		`{{template "body"}}`:                                                      "template is not available",
		`{{if true}}{{template "body"}}{{end}}`:                                    "template is not available",
		`{{range .Alarms}}{{range .Paths}}{{range $.Alarms}}{{end}}{{end}}{{end}}`: "nested",
		`{{printf "%1000000d" 1}}`:                                                 "printf is not available",
		`{{$x := "\\"}}{{range .Alarms}}{{$x = js $x}}{{end}}`:                     "js is not available",
		`{{$x := "x"}}{{range .Alarms}}{{$x = print $x $x}}{{end}}`:                "print is not available",
		`{{call .Time}}`:                                                           "call is not available",
		`{{index .Alarms 7}}`:                                                      "index",
		`{{in "../../etc/passwd" .Time}}`:                                          "time zone",
		strings.Repeat("x", MaxTemplate+1):                                         "too long",
		`{{$x := upper "` + strings.Repeat("x", 7000) + `"}}{{range .Alarms}}{{range .Paths}}` + strings.Repeat("{{$x}}", 30) + `{{end}}{{end}}`: "too long",
		`{{.Time.MarshalJSON}}`: "",
	} {
		before := allocated()
		c := &syncline.Channel{Kind: syncline.ChannelWebhook, Body: body, Settings: syncline.ChannelSettings{URL: "http://h/"}}
		err := n.Check(c, theSecret)
		if want == "" && err != nil || want != "" && (syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), want)) {
			t.Errorf("%.80s: %v, want %q", body, err, want)
		}
		if used := allocated() - before; used > 32<<20 {
			t.Errorf("%.80s: took %d bytes", body, used)
		}
	}
}

func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// A template that fails on an alarm does not keep it from its receiver.
func TestFailingTemplate(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	w.channel(syncline.Channel{
		Kind: syncline.ChannelWebhook, Settings: syncline.ChannelSettings{URL: r.URL},
		Body: `{{range .Alarms}}{{if eq .Host "a"}}{{index .Paths 9}}{{end}}{{end}}`,
	}, theSecret)
	w.report(late("a", syncline.SeverityWarning))
	w.after(time.Minute)
	if len(r.bodies) != 1 || !strings.Contains(r.bodies[0].Text, "a is late") || !strings.Contains(r.bodies[0].Text, "templates of this channel cannot be used") {
		t.Errorf("got %+v", r.bodies)
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add(defaultBody)
	f.Add(`{{range .Alarms}}{{range .Paths}}{{.}}{{else}}{{break}}{{end}}{{end}}`)
	f.Add(`{{with $x := index .Alarms 0}}{{$x.Time.Format "2006"}}{{end}}`)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := message(&syncline.Channel{Subject: text, Body: text}, delivery(3))
		if err == nil && (len(m.Subject) > maxSubject+len("…") || strings.ContainsAny(m.Subject, "\r\n") || len(m.Text) > 3*maxBody) {
			t.Errorf("a subject of %d bytes, a text of %d", len(m.Subject), len(m.Text))
		}
	})
}
