package notify

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"mime"
	"net"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"syncline.dev/syncline"
)

// mailbox is a mail server that keeps what it takes.
type mailbox struct {
	port int
	mu   sync.Mutex
	mail []received
}

type received struct {
	user, from string
	to         []string
	encrypted  bool
	data       string
}

type mailSession struct {
	box  *mailbox
	conn *smtp.Conn
	received
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}
func (s *mailSession) Reset()                   { s.from, s.to = "", nil }
func (s *mailSession) Logout() error            { return nil }
func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "the password" {
			return errors.New("wrong password")
		}
		s.user = user
		return nil
	}), nil
}

func (s *mailSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	s.data = string(data)
	_, s.encrypted = s.conn.TLSConnectionState()
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.mail = append(s.box.mail, s.received)
	return err
}

// startMail starts a mail server. Its certificate is in authority.
func startMail(t *testing.T, encryption syncline.MailEncryption) (box *mailbox, authority []byte) {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(web.Close)
	authority = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	box = &mailbox{}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &mailSession{box: box, conn: c}, nil
	}))
	server.Domain, server.ErrorLog = "localhost", log.New(io.Discard, "", 0)
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	certificate := &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	box.port = ln.Addr().(*net.TCPAddr).Port
	switch encryption {
	case syncline.MailTLS:
		ln = tls.NewListener(ln, certificate)
	case syncline.MailStartTLS:
		server.TLSConfig = certificate
	case syncline.MailPlain:
	}
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(ln) })
	t.Cleanup(func() {
		_ = server.Close()
		running.Wait()
	})
	return box, authority
}

func (b *mailbox) settings(encryption syncline.MailEncryption, user string) syncline.ChannelSettings {
	return syncline.ChannelSettings{
		Host: "127.0.0.1", Port: b.port, Encryption: encryption, UserName: user,
		From: "Syncline <syncline@example.org>", To: []string{"oncall@example.org", "Ada <ada@example.org>"},
	}
}

func TestEmail(t *testing.T) {
	for _, encryption := range []syncline.MailEncryption{syncline.MailStartTLS, syncline.MailTLS, syncline.MailPlain} {
		t.Run(string(encryption), func(t *testing.T) {
			box, authority := startMail(t, encryption)
			w := newWorld(t)
			w.service.Network = NewNetwork(authority, false)
			user, password := "syncline", "the password"
			if encryption == syncline.MailPlain {
				user, password = "", ""
			}
			c := w.channel(syncline.Channel{Kind: syncline.ChannelEmail, Settings: box.settings(encryption, user)}, password)
			x := late("größe", syncline.SeverityWarning)
			x.Message = "is late\r\n.\r\nMAIL FROM:<evil@example.org>"
			w.report(x)
			w.after(time.Minute)
			if len(box.mail) != 1 {
				t.Fatalf("%d mails came: %+v", len(box.mail), w.log(c))
			}
			got := box.mail[0]
			if got.user != user || got.from != "syncline@example.org" || strings.Join(got.to, " ") != "oncall@example.org ada@example.org" || got.encrypted != (encryption != syncline.MailPlain) {
				t.Errorf("got %+v", got)
			}
			m, err := mail.ReadMessage(bytes.NewBufferString(got.data))
			if err != nil {
				t.Fatal(err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
			id := string(w.log(c)[0].ID)
			if err != nil || subject != "Syncline: Warning: BackupLate of größe in main" || m.Header.Get("Message-Id") != "<"+id+"@example.org>" || m.Header.Get("Auto-Submitted") != "auto-generated" {
				t.Errorf("got %q, %+v", subject, m.Header)
			}
		})
	}
}

// Encryption is never left out, and a certificate is checked.
func TestEmailRefusals(t *testing.T) {
	plain, _ := startMail(t, syncline.MailPlain)
	secure, authority := startMail(t, syncline.MailStartTLS)
	w := newWorld(t)
	for name, c := range map[string]struct {
		settings  syncline.ChannelSettings
		authority []byte
		password  string
		want      string
	}{
		"no StartTLS":         {plain.settings(syncline.MailStartTLS, "u"), authority, "the password", "STARTTLS"},
		"no TLS":              {plain.settings(syncline.MailTLS, "u"), authority, "the password", "tls"},
		"unknown certificate": {secure.settings(syncline.MailStartTLS, "u"), nil, "the password", "certificate"},
		"wrong password":      {secure.settings(syncline.MailStartTLS, "u"), authority, "another one", "wrong password"},
	} {
		w.service.Network = NewNetwork(c.authority, false)
		channel := w.channel(syncline.Channel{Kind: syncline.ChannelEmail, Settings: c.settings}, c.password)
		o := must(w.service.Test(t.Context(), channel.ID))(t)
		if o.Delivery.State != syncline.DeliveryFailed || !strings.Contains(o.Delivery.Error, c.want) || strings.Contains(o.Delivery.Error, c.password) && c.password != "" {
			t.Errorf("%s: %+v", name, o.Delivery)
		}
	}
	w.service.Network = NewNetwork(authority, true)
	channel := w.channel(syncline.Channel{Kind: syncline.ChannelEmail, Settings: secure.settings(syncline.MailStartTLS, "u")}, "the password")
	if o := must(w.service.Test(t.Context(), channel.ID))(t); !strings.Contains(o.Delivery.Error, "this very machine") {
		t.Errorf("a private address: %+v", o.Delivery)
	}
	if len(plain.mail)+len(secure.mail) != 0 {
		t.Error("a mail was taken")
	}
}
