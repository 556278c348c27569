package encoder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Kind is one of the two models. Its name is that of its file, without .bin.
type Kind string

// The models there are.
const (
	MiniLM Kind = "minilm" // for questions in Latin script
	E5     Kind = "e5"     // for Chinese ones, over passages in any language
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{MiniLM, E5} }

// manner is how a model was taught to be used.
type manner struct {
	name              string
	window            int    // tokens at once, with start and end
	question, passage string // what stands before each
}

func (k Kind) manner() manner {
	if k == E5 {
		return manner{name: "multilingual-e5-small", window: places, question: "query: ", passage: "passage: "}
	}
	return manner{name: "all-MiniLM-L6-v2", window: 256}
}

// What is longer is cut off: a question at its end, a heading and a passage too. A passage of that length
// has some sixty windows.
const (
	longestQuestion = 16 << 10
	longestPassage  = 64 << 10
	headingTokens   = 64
)

// Model turns text into vectors of length 1 that are near each other where meanings are. It may be used by
// several goroutines at once; as many passes as there are processors, and one more, are under way together.
type Model struct {
	manner
	digest string
	cut    func(text string) []uint32
	start  uint32
	end    uint32
	net    *network
	kind   Kind

	room  chan *scratch // who takes one may make a pass; closed when the model is
	close func() error
}

// newModel reads a weight file that lies in memory and stays there until the model is closed.
func newModel(file []byte, kind Kind) (*Model, error) {
	t, err := parse(file)
	if err != nil {
		return nil, err
	}
	if format := packageOf(kind).format; t.meta["kind"] != string(kind) || t.meta["format"] != format {
		return nil, fmt.Errorf("it is for %q in format %q, wanted %q in format %q; install the model again", t.meta["kind"], t.meta["format"], kind, format)
	}
	v, err := readVocabulary(t)
	if err != nil {
		return nil, err
	}
	m := &Model{manner: kind.manner(), kind: kind, room: make(chan *scratch, runtime.GOMAXPROCS(0)+1)}
	special := get[uint32](t, "tokens.special", 3)
	if m.net, err = readNetwork(t, v.size()); err != nil {
		return nil, err
	}
	m.start, m.end = special[0], special[1]
	if max(special[0], special[1], special[2]) >= uint32(v.size()) {
		return nil, fmt.Errorf("the tokens %v of %d have a meaning of their own", special, v.size())
	}
	m.cut = (&wordpiece{vocabulary: v, unknown: special[2]}).cut
	if kind == E5 {
		u, err := readUnigram(t, v, special[2])
		if err != nil {
			return nil, err
		}
		m.cut = u.cut
	}
	sum := sha256.Sum256(file[:len(file)-len(t.data)])
	m.digest = hex.EncodeToString(sum[:])
	for range cap(m.room) {
		m.room <- &scratch{}
	}
	return m, nil
}

// Name is what the model's authors call it.
func (m *Model) Name() string { return m.name }

// Digest names the weights and the way they are written down: vectors of another digest mean something else.
func (m *Model) Digest() string { return m.digest }

// Dim is how many numbers a vector has.
func (m *Model) Dim() int { return width }

// Query is the vector of a question.
func (m *Model) Query(ctx context.Context, text string) (vector []float32, err error) {
	err = m.with(ctx, func(s *scratch) error {
		ids := m.cut(m.question + bounded(text, longestQuestion))
		vector, err = m.encode(ctx, s, nil, ids[:min(len(ids), m.window-2)])
		return err
	})
	return vector, err
}

// Passage is a vector for each window of a passage: as many as its length needs, all equally long, and
// each behind the heading, so that none is without its subject.
func (m *Model) Passage(ctx context.Context, heading, body string) (vectors [][]float32, err error) {
	err = m.with(ctx, func(s *scratch) error {
		top := m.cut(strings.TrimSpace(m.passage + bounded(heading, longestQuestion)))
		top = top[:min(len(top), headingTokens)]
		ids := m.cut(bounded(body, longestPassage))
		most := m.window - 2 - len(top)
		n := max(1, (len(ids)+most-1)/most)
		for i := range n {
			v, err := m.encode(ctx, s, top, ids[len(ids)*i/n:len(ids)*(i+1)/n])
			if err != nil {
				return err
			}
			vectors = append(vectors, v)
		}
		return nil
	})
	return vectors, err
}

// encode makes one pass over one window.
func (m *Model) encode(ctx context.Context, s *scratch, top, ids []uint32) ([]float32, error) {
	return m.net.encode(ctx, s, slices.Concat([]uint32{m.start}, top, ids, []uint32{m.end}))
}

// bounded cuts a text off at a letter.
func bounded(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for !utf8.RuneStart(text[most]) && most > 0 {
		most--
	}
	return text[:most]
}

var errClosed = errors.New("the encoder is closed")

// with does something with the weights once there is room for it. Until it ends they stay mapped.
func (m *Model) with(ctx context.Context, do func(*scratch) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case s, open := <-m.room:
		if !open {
			return errClosed
		}
		defer func() { m.room <- s }()
		return do(s)
	}
}

// Close lets go of the weights once the passes under way have ended.
func (m *Model) Close() error { return m.close() }

// closer waits for all passes and unmaps the file, once.
func (m *Model) closer(unmap func() error) func() error {
	return sync.OnceValue(func() error {
		for range cap(m.room) {
			<-m.room
		}
		close(m.room)
		return unmap()
	})
}
