package actions

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// maxNotices bounds the file of notices that is searched for a token.
const maxNotices = 64 << 20

func (s *scene) byCommand(ctx context.Context, t Target, msg notice) sent {
	if len(t.Argv) == 0 {
		return refusal(errors.New("no command is configured"))
	}
	argv := slices.Clone(t.Argv)
	if msg.contact != "" {
		argv = append(argv, msg.contact)
	}
	env := stepEnv(s.job)
	maps.Copy(env, t.Env)
	env["SWITCHMAN_NOTIFY_TO"], env["SWITCHMAN_NOTIFY_SUBJECT"] = msg.to, msg.subject
	var last tail
	e := s.run(ctx, command{argv: argv, env: env, stdin: msg.text + "\n", out: &last, errs: &last})
	return sent{e.state(), e.words(ctx, s.job, last.line())}
}

// byWebhook posts JSON. Address is the configuration's own, so it is on its own allow-list.
func (s *scene) byWebhook(ctx context.Context, t Target, msg notice) sent {
	body, err := t.body(msg)
	if err != nil {
		return refusal(err)
	}
	q := &request{method: http.MethodPost, url: url.URL{Scheme: "http", Host: t.Address}, body: body, status: []string{"2xx"}, allow: []string{t.Address},
		header: http.Header{"User-Agent": {"switchman"}, "Content-Type": {"application/json"}, "Idempotency-Key": {msg.token}}}
	if t.TLS != "" {
		q.url.Scheme = "https"
	}
	path, query, _ := strings.Cut(t.Path, "?")
	q.url.Path, q.url.RawQuery = "/"+strings.TrimPrefix(path, "/"), query
	for name, v := range t.Headers {
		q.header.Set(name, v)
	}
	a := s.fetch(ctx, q, maxBody)
	q.url.Path = "" // may be the secret part
	return sent{q.judge(a), q.words(ctx, s.job, a)}
}

// body fills the template, or writes the plain object.
func (t Target) body(msg notice) (string, error) {
	fields := map[string]string{"text": msg.text, "subject": msg.subject, "token": msg.token, "run": msg.run, "step": msg.step, "to": msg.to, "contact": msg.contact}
	if t.Body == "" {
		b, err := json.Marshal(fields)
		return string(b), err
	}
	pairs := make([]string, 0, 2*len(fields))
	for name, v := range fields {
		b, err := json.Marshal(v)
		if err != nil {
			return "", err
		}
		pairs = append(pairs, "{"+name+"}", string(b[1:len(b)-1]))
	}
	body := strings.NewReplacer(pairs...).Replace(t.Body)
	if !json.Valid([]byte(body)) {
		return "", errors.New("the configured body is no JSON")
	}
	return body, nil
}

// entry is one line of a file of notices.
type entry struct {
	At      dr.Time `json:"at"`
	Token   string  `json:"token"`
	Run     string  `json:"run"`
	Step    string  `json:"step"`
	To      string  `json:"to"`
	Contact string  `json:"contact,omitempty"`
	Subject string  `json:"subject"`
	Text    string  `json:"text"`
}

func (s *scene) entry(msg notice) ([]byte, error) {
	b, err := json.Marshal(entry{At: s.Clock.Time(), Token: msg.token, Run: msg.run, Step: msg.step, To: msg.to, Contact: msg.contact, Subject: msg.subject, Text: msg.text})
	return append(b, '\n'), err
}

func (s *scene) byFile(t Target, msg notice) sent {
	there, err := s.inFile(t, msg.token)
	if err != nil {
		return refusal(err)
	}
	if there {
		return sent{dr.StepOK, "already there"}
	}
	line, err := s.entry(msg)
	if err != nil {
		return refusal(err)
	}
	f, err := os.OpenFile(s.inDir(t.File), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return refusal(fmt.Errorf("opening the file: %w", bareFile(err)))
	}
	_, err = f.Write(line)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return sent{dr.StepUnknown, fmt.Sprintf("writing the file: %v", bareFile(err))}
	}
	return sent{dr.StepOK, "written"}
}

// inFile reports whether a file of notices has a token.
func (h *host) inFile(t Target, token string) (bool, error) {
	f, err := os.Open(h.inDir(t.File))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("opening the file: %w", bareFile(err))
	}
	defer f.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(io.LimitReader(f, maxNotices))
	lines.Buffer(nil, 2*maxText)
	for lines.Scan() {
		var e entry
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Token == token && token != "" {
			return true, nil
		}
	}
	return false, lines.Err()
}

func (h *host) inDir(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(h.Dir, name)
}

// bareFile leaves out the path.
func bareFile(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (s *scene) byStdout(msg notice) sent {
	if s.Stdout == nil {
		return refusal(errors.New("no output is configured"))
	}
	line, err := s.entry(msg)
	if err != nil {
		return refusal(err)
	}
	if _, err := s.Stdout.Write(line); err != nil {
		return sent{dr.StepUnknown, fmt.Sprintf("writing: %v", err)}
	}
	return sent{dr.StepOK, "written"}
}
