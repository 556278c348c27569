package fsm

import (
	"sync"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/redact"
)

// liveText is how much of what a step in flight says is held: the newest part.
const liveText = 8 << 10

// Live is what an attempt in flight has said so far. It is for looking at, not for keeping: the outcome
// brings the whole of it as evidence.
type Live struct {
	N    int    `json:"n"` // the attempt
	Text string `json:"text"`
	Cut  bool   `json:"cut,omitempty"` // there was more before
}

// Live answers what a step is saying, masked and safe to show. False when no attempt of it that says
// anything is in flight in this process; another server's are not seen from here.
func (e *Engine) Live(run, step string) (Live, bool) {
	e.mu.Lock()
	v := e.voices[run+" "+step]
	e.mu.Unlock()
	if v == nil {
		return Live{}, false
	}
	return v.said()
}

// voice holds what one attempt says while it is in flight.
type voice struct {
	n int

	mu   sync.Mutex
	text []byte
	cut  bool
}

// listen gives an attempt its voice until the function it answers is called.
func (e *Engine) listen(a dr.Attempt) (v *voice, hush func()) {
	v = &voice{n: a.N}
	key := a.Run + " " + a.Step
	e.mu.Lock()
	defer e.mu.Unlock()
	e.voices[key] = v
	return v, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.voices[key] == v {
			delete(e.voices, key)
		}
	}
}

// hear takes masked output as it comes.
func (v *voice) hear(p []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.text = append(v.text, p...)
	if over := len(v.text) - liveText; over > 0 {
		for over < len(v.text) && !utf8.RuneStart(v.text[over]) {
			over++
		}
		v.text, v.cut = append(v.text[:0], v.text[over:]...), true
	}
}

func (v *voice) said() (Live, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return Live{N: v.n, Text: redact.Safe(string(v.text)), Cut: v.cut}, len(v.text) > 0
}
