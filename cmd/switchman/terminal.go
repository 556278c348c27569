package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/dr"
)

const (
	narrow    = 80 // what every table fits
	maxSecret = 4096
)

// terminal is everything around the process: streams, environment, clock. Tests make their own.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
	clock    dr.Clock
	inTTY    bool                    // a person types
	outTTY   bool                    // a person reads
	size     func() (wide, high int) // of the screen; 80 × 24 where nobody knows
	hidden   func() (string, error)
}

func realTerminal() *terminal {
	in, out := int(os.Stdin.Fd()), int(os.Stdout.Fd())
	return &terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ(), clock: app.SystemClock(),
		inTTY: term.IsTerminal(in), outTTY: term.IsTerminal(out),
		size: func() (int, int) {
			if w, h, err := term.GetSize(out); err == nil && w > 0 && h > 0 {
				return w, h
			}
			return narrow, 24
		},
		hidden: func() (string, error) {
			b, err := term.ReadPassword(in)
			return string(b), err
		}}
}

// width is how wide a table may be: the screen, or as wide as it comes where no person looks at one.
func (t *terminal) width() int {
	if !t.outTTY {
		return math.MaxInt
	}
	wide, _ := t.size()
	return max(wide-1, narrow-1)
}

// colour reports whether to paint: a person reads, and has not asked to be spared
// (https://no-color.org).
func (t *terminal) colour() bool {
	return t.outTTY && t.env("NO_COLOR") == "" && t.env("TERM") != "dumb"
}

func (t *terminal) env(name string) string {
	for _, pair := range t.environ {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// secret asks for something that must not be seen: without echo from a terminal, otherwise the
// first line of standard input.
func (t *terminal) secret(what string) (string, error) {
	var text string
	var err error
	if t.inTTY {
		fmt.Fprintf(t.err, "%s (not shown): ", what)
		text, err = t.hidden()
		fmt.Fprintln(t.err)
	} else {
		text, err = bufio.NewReader(io.LimitReader(t.in, maxSecret)).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		return "", fmt.Errorf("reading the %s: %w", strings.ToLower(what), err)
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", dr.Errorf(dr.Usage, "no %s was given", strings.ToLower(what)).
			WithHint("type it when asked, or send it on standard input")
	}
	return text, nil
}

// ask puts a question to a person; on no terminal the answer is the fallback.
func (t *terminal) ask(question, fallback string) (string, error) {
	if !t.inTTY {
		return fallback, nil
	}
	fmt.Fprint(t.err, question, " ")
	line, err := bufio.NewReader(io.LimitReader(t.in, maxSecret)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading an answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// confirm lets a person who is there think once more. A script said it by calling the command.
func (t *terminal) confirm(question string) error {
	answer, err := t.ask(question+" [y/N]", "y")
	if err != nil {
		return err
	}
	if a := strings.ToLower(answer); a != "y" && a != "yes" {
		return dr.Errorf(dr.Usage, "nothing was done")
	}
	return nil
}
