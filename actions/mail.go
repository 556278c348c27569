package actions

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/redact"
)

// byMail sends one message. Until the final dot the server keeps nothing, so every error before it is
// failed; an answer lost after it is unknown.
func (s *scene) byMail(ctx context.Context, t Target, msg notice) sent {
	to := t.To
	if msg.contact != "" {
		to = []string{msg.contact}
	}
	from, rcpt, err := addresses(t.From, to)
	if err != nil {
		return refusal(err)
	}
	c, stop, err := s.smtp(ctx, t)
	if err != nil {
		return refusal(err)
	}
	defer stop()
	if err := envelope(c, from.Address, rcpt); err != nil {
		return refusal(err)
	}
	id := msg.id(from)
	w := c.Text.DotWriter()
	_, err = w.Write(msg.mail(from, rcpt, id, s.Clock.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700")))
	if err != nil {
		return refusal(err)
	}
	if err := w.Close(); err != nil {
		return sent{dr.StepUnknown, fmt.Sprintf("%s was sent, the answer is lost: %v", id, err)}
	}
	_, reply, err := c.Text.ReadResponse(250)
	var no *textproto.Error
	switch {
	case errors.As(err, &no):
		return sent{dr.StepFail, fmt.Sprintf("%s was refused: %d %s", id, no.Code, no.Msg)}
	case err != nil:
		return sent{dr.StepUnknown, fmt.Sprintf("%s was sent, the answer is lost: %v", id, err)}
	}
	c.Text.PrintfLine("QUIT") //nolint:errcheck // the message is accepted; nobody waits for the farewell
	return sent{dr.StepOK, fmt.Sprintf("%s accepted: 250 %s", id, reply)}
}

func addresses(from string, to []string) (*mail.Address, []*mail.Address, error) {
	f, err := mail.ParseAddress(from)
	if err != nil {
		return nil, nil, fmt.Errorf("sender %s is no mail address", quote(from))
	}
	if len(to) == 0 {
		return nil, nil, errors.New("no recipient is configured")
	}
	var rcpt []*mail.Address
	for _, a := range to {
		r, err := mail.ParseAddress(a)
		if err != nil {
			return nil, nil, fmt.Errorf("recipient %s is no mail address", quote(a))
		}
		rcpt = append(rcpt, r)
	}
	return f, rcpt, nil
}

// smtp connects, secures and signs in. The connection ends with ctx.
func (s *scene) smtp(ctx context.Context, t Target) (*smtp.Client, func(), error) {
	name, _, err := net.SplitHostPort(t.Address)
	if err != nil {
		return nil, nil, fmt.Errorf("%s is no host:port", quote(t.Address))
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", t.Address)
	if err != nil {
		return nil, nil, err
	}
	unhook := context.AfterFunc(ctx, func() { conn.Close() }) //nolint:errcheck // cutting it is the aim
	stop := func() {
		unhook()
		conn.Close() //nolint:errcheck // done with it
	}
	config := s.tls(name)
	stream := conn
	if t.TLS == "tls" {
		stream = tls.Client(conn, config)
	}
	c, err := smtp.NewClient(stream, name)
	if err == nil && (t.TLS == "" || t.TLS == "starttls") {
		err = c.StartTLS(config)
	}
	if err == nil && t.User != "" {
		err = c.Auth(smtp.PlainAuth("", t.User, t.Password, name))
	}
	if err != nil {
		stop()
		return nil, nil, fmt.Errorf("signing in: %w", err)
	}
	return c, stop, nil
}

func envelope(c *smtp.Client, from string, rcpt []*mail.Address) error {
	if err := c.Mail(from); err != nil {
		return fmt.Errorf("sender: %w", err)
	}
	for _, r := range rcpt {
		if err := c.Rcpt(r.Address); err != nil {
			return fmt.Errorf("recipient: %w", err)
		}
	}
	if err := c.Text.PrintfLine("DATA"); err != nil {
		return err
	}
	_, _, err := c.Text.ReadResponse(354)
	return err
}

// id is the same when the same notice is sent again, so that mail systems can drop the repeat.
func (n notice) id(from *mail.Address) string {
	_, domain, _ := strings.Cut(from.Address, "@")
	return "<" + strings.Map(idByte, n.token) + "@" + domain + ">"
}

func idByte(r rune) rune {
	if r < 0x7F && (r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '.' || r == '_') {
		return r
	}
	return '_'
}

// mail writes the message: plain text, base64, so that no line of it can be taken for a header or an end.
func (n notice) mail(from *mail.Address, rcpt []*mail.Address, id, date string) []byte {
	var to []string
	for _, r := range rcpt {
		to = append(to, r.String())
	}
	var b strings.Builder
	for _, h := range [][2]string{
		{"From", from.String()}, {"To", strings.Join(to, ",\r\n ")}, {"Subject", mime.QEncoding.Encode("utf-8", redact.Line(n.subject, 200))},
		{"Date", date}, {"Message-ID", id}, {"MIME-Version", "1.0"}, {"Auto-Submitted", "auto-generated"},
		{"Content-Type", "text/plain; charset=utf-8"}, {"Content-Transfer-Encoding", "base64"},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	body := base64.StdEncoding.EncodeToString([]byte(n.text + "\n"))
	for len(body) > 76 {
		b.WriteString(body[:76] + "\r\n")
		body = body[76:]
	}
	b.WriteString(body + "\r\n")
	return []byte(b.String())
}
