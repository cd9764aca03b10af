package notify

import (
	"context"
	"crypto/tls"
	"net"
	"net/mail"

	gomail "github.com/wneessen/go-mail"

	"syncline.dev/syncline"
)

// sendEmail sends a message by SMTP. The id of the delivery is the message's, so that a
// mailbox knows a message that comes twice.
func (n *Network) sendEmail(ctx context.Context, t target, m Message) error {
	s := t.Settings
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.From(s.From); err != nil {
		return syncline.WrapError(syncline.CodeInvalid, err, "the sender's address cannot be used")
	}
	if err := msg.To(s.To...); err != nil {
		return syncline.WrapError(syncline.CodeInvalid, err, "a receiver's address cannot be used")
	}
	msg.Subject(m.Subject)
	msg.SetDateWithValue(m.CreatedAt)
	msg.SetMessageIDWithValue(string(m.ID) + "@" + domainOf(s.From))
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("Syncline-Delivery", string(m.ID))
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	client, err := n.mailClient(ctx, t)
	if err != nil {
		return err
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		return unreachable(err)
	}
	return nil
}

// mailClient returns a client whose connections end with ctx: a server that falls silent
// holds nobody up.
func (n *Network) mailClient(ctx context.Context, t target) (*gomail.Client, error) {
	s := t.Settings
	roots, err := n.roots()
	if err != nil {
		return nil, err
	}
	options := []gomail.Option{
		gomail.WithPort(s.Port), gomail.WithTimeout(sendTime),
		gomail.WithTLSConfig(&tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12, RootCAs: roots}),
	}
	dialer := n.dialer()
	dial := dialer.DialContext
	switch s.Encryption {
	case syncline.MailTLS:
		// A dial function of one's own stands for the whole connection.
		secure := &tls.Dialer{NetDialer: dialer, Config: &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12, RootCAs: roots}}
		dial = secure.DialContext
		options = append(options, gomail.WithSSL())
	case syncline.MailPlain:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	case syncline.MailStartTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	options = append(options, gomail.WithDialContextFunc(func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(dialing, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = conn.Close() })
		return conn, nil
	}))
	if s.UserName != "" {
		options = append(options, gomail.WithUsername(s.UserName), gomail.WithPassword(t.secret), gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover))
	}
	if s.UserName != "" && s.Encryption == syncline.MailTLS {
		// The library does not know that a connection of another dialer is encrypted.
		options = append(options, gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1,
			gomail.SMTPAuthCramMD5, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	client, err := gomail.NewClient(s.Host, options...)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the settings of the mail server cannot be used")
	}
	return client, nil
}

// domainOf returns the domain of a mail address.
func domainOf(address string) string {
	a, err := mail.ParseAddress(address)
	if err != nil {
		return "syncline"
	}
	for i := len(a.Address) - 1; i >= 0; i-- {
		if a.Address[i] == '@' {
			return a.Address[i+1:]
		}
	}
	return "syncline"
}
