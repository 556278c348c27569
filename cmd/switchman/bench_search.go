package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/switchman-dr/switchman/knowledge"
)

// sizes are the numbers of passages measured, with what is promised of a search in ms of one processor.
var librarySizes = [...]struct {
	passages int
	atMost   float64
}{{10_000, 10}, {100_000, 110}}

const (
	readAtMost   = 1000 // ms from nothing to an index of 10,000 passages
	editAtMost   = 1000 // ms until one changed file of 10,000 documents is found
	askAtMost    = 15   // ms to encode a question
	encodeAtMost = 60   // s to encode 1,000 passages
	questions    = 60   // asked of each index
)

// benchSearch measures the index over generated runbooks, beside chromem-go with the same vectors. The
// vectors are drawn, since only their number matters for speed; the encoder is measured for itself.
func (sh *shell) benchSearch(ctx context.Context, dir string, want benchWishes) ([]figure, error) {
	var out []figure
	for _, size := range librarySizes {
		if want.quick && size.passages > 10_000 {
			continue
		}
		more, err := sh.benchLibrary(ctx, filepath.Join(dir, fmt.Sprint(size.passages)), size.passages, size.atMost)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	more, err := sh.benchEncoder(ctx)
	if err != nil {
		return nil, err
	}
	out = append(out, more...)
	more, err = sh.benchMemory(ctx, dir, want)
	return append(out, more...), err
}

// benchLibrary writes, reads, asks and edits one library.
func (sh *shell) benchLibrary(ctx context.Context, dir string, passages int, atMost float64) ([]figure, error) {
	draw := rand.New(rand.NewPCG(1, uint64(passages)))
	path := func(i int) string { return filepath.Join(dir, fmt.Sprintf("%02d", i%100), fmt.Sprintf("%06d.md", i)) }
	write := func(i int) error {
		text := fmt.Sprintf("# %s\n\n%s\n", drawn(draw, 5), drawn(draw, 150))
		return os.WriteFile(path(i), []byte(text), 0o600)
	}
	old := sh.term.clock.Now().Add(-time.Hour) // runbooks are mostly older than a few seconds
	for i := range passages {
		if i < 100 {
			if err := os.MkdirAll(filepath.Join(dir, fmt.Sprintf("%02d", i)), 0o700); err != nil {
				return nil, fmt.Errorf("making a folder: %w", err)
			}
		}
		if err := errors.Join(write(i), os.Chtimes(path(i), old, old)); err != nil {
			return nil, fmt.Errorf("writing a runbook: %w", err)
		}
	}
	files, done, err := knowledge.Folder(dir)
	if err != nil {
		return nil, err
	}
	defer done() //nolint:errcheck // only read
	source := knowledge.Source{Name: "runbooks", FS: files, Audience: []string{knowledge.Public}}
	name := fmt.Sprintf("%d passages: ", passages)
	model := drawnModel()
	x := knowledge.New(knowledge.Options{Embedders: knowledge.Embedders{Main: model}, Now: sh.term.clock.Now})
	read := func() error {
		if _, err := x.Sync(ctx, source); err != nil {
			return err
		}
		_, err := x.Search(ctx, knowledge.Query{Text: "the first question"})
		return err
	}
	ready, readyWork, err := sh.worked(read)
	if err != nil {
		return nil, err
	}
	lexical, err := sh.asked(ctx, x, draw)
	if err != nil {
		return nil, err
	}
	if err := x.Embed(ctx, model, func(int, int) {}); err != nil {
		return nil, err
	}
	hybrid, err := sh.asked(ctx, x, draw)
	if err != nil {
		return nil, err
	}
	alone, err := benchAlone(ctx, passages)
	if err != nil {
		return nil, err
	}
	var edits, editsWork []float64
	for i := range 3 {
		if err := write(i); err != nil {
			return nil, fmt.Errorf("editing a runbook: %w", err)
		}
		edit, work, err := sh.worked(read)
		if err != nil {
			return nil, err
		}
		edits, editsWork = append(edits, edit), append(editsWork, work)
	}
	readMost, editMost := float64(readAtMost), float64(editAtMost)
	if passages > 10_000 {
		readMost, editMost = 0, 0
	}
	return []figure{figureOf(name+"chromem-go alone", "ms", 0, alone...), figureOf(name+"hybrid search", "ms", atMost, hybrid...),
		figureOf(name+"search by words alone", "ms", 0, lexical...), figureOf(name+"ready after a start", "ms", readMost, ready),
		figureOf(name+"the same, processor time", "ms", 0, readyWork), figureOf(name+"a changed file found", "ms", editMost, edits...),
		figureOf(name+"the same edit, processor time", "ms", 0, editsWork...)}, nil
}

// worked is how long something takes by the clock, and what it costs all processors together, in ms.
func (sh *shell) worked(do func() error) (clock, work float64, err error) {
	work, err = processorTime(func() (err error) { clock, err = sh.timed(do); return err })
	return clock, work, err
}

// asked asks questions and tells the processor time of each in ms.
func (sh *shell) asked(ctx context.Context, x *knowledge.Index, draw *rand.Rand) ([]float64, error) {
	var out []float64
	for range questions {
		q := knowledge.Query{Text: drawn(draw, 8)}
		ms, err := processorTime(func() error { _, err := x.Search(ctx, q); return err })
		if err != nil {
			return nil, err
		}
		out = append(out, ms)
	}
	return out, nil
}

func benchAlone(ctx context.Context, n int) ([]float64, error) {
	vectors := make([][]float32, n)
	for i := range vectors {
		vectors[i] = drawnVector(fmt.Sprint(i))
	}
	ask, err := knowledge.Alone(ctx, vectors)
	if err != nil {
		return nil, err
	}
	var out []float64
	for i := range questions {
		q := drawnVector(fmt.Sprint("q", i))
		ms, err := processorTime(func() error { return ask(q) })
		if err != nil {
			return nil, err
		}
		out = append(out, ms)
	}
	return out, nil
}

// processorTime is what doing something costs all processors together, in ms.
func processorTime(do func() error) (float64, error) {
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		return 0, fmt.Errorf("asking for the processor time: %w", err)
	}
	if err := do(); err != nil {
		return 0, err
	}
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
		return 0, fmt.Errorf("asking for the processor time: %w", err)
	}
	spent := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	return float64(spent) / float64(time.Millisecond), nil
}

// drawn is a text of words as frequent as those of a language without its "the" and "of": few often, most rarely.
func drawn(draw *rand.Rand, words int) string {
	all := make([]string, words)
	for i := range all {
		n := int(50 * math.Exp(draw.Float64()*math.Log(600)))
		var word []byte
		for n += 17; n > 0; n /= 19 {
			word = append(word, "bdfghklmnprstvwzcjx"[n%19], "aeiou"[n%5])
		}
		all[i] = string(word)
	}
	return strings.Join(all, " ")
}

// drawnModel gives each text a vector drawn by its hash.
func drawnModel() *knowledge.Embedder {
	return &knowledge.Embedder{Name: "drawn", Digest: "drawn", Dim: 384, Share: 0.6,
		Query: func(_ context.Context, text string) ([]float32, error) { return drawnVector(text), nil },
		Passage: func(_ context.Context, _, body string) ([][]float32, error) {
			return [][]float32{drawnVector(body)}, nil
		}}
}

func drawnVector(text string) []float32 {
	sum := fnv.New64a()
	fmt.Fprint(sum, text)
	draw := rand.New(rand.NewPCG(sum.Sum64(), 1))
	v := make([]float32, 384)
	var length float64
	for i := range v {
		f := draw.NormFloat64()
		v[i], length = float32(f), length+f*f
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(length))
	}
	return v
}

// benchPassage is as long as passages of runbooks are on the whole: about a thousand signs.
const benchPassage = `Normal is well under a second. From %d seconds on, a planned move is refused, because customers would feel the wait after the freeze.
Look at the primary first: it knows how many bytes were sent, written, flushed and replayed on the other side, and since when nothing was
heard of the standby. If only the replay is behind, a long query on the standby holds it up; find it with

    SELECT pid, now() - xact_start AS age, query FROM pg_stat_activity ORDER BY age DESC LIMIT 5;

and ask its owner before you end it. If the network is behind, every standby of that site is: call the carrier, and do not restart anything.
If the disk is behind, look at the array: a rebuild takes about %d minutes and halves its speed. Write down what you saw and when. Batch work is
stopped before anything else, since it can be repeated and payments cannot. When the lag is below a second for five minutes, start the batch
again and tell the duty manager that the move may go on.`

// benchEncoder measures the built-in encoder, where its weights are.
func (sh *shell) benchEncoder(ctx context.Context) (out []figure, err error) {
	es, done, err := sh.embedders("")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	for _, e := range []*knowledge.Embedder{es.Main, es.CJK} {
		if e == nil {
			continue
		}
		var ask, passage []float64
		for i := range 20 {
			ms, err := processorTime(func() error {
				_, err := e.Query(ctx, "how do I see how far a standby database is behind its primary?")
				return err
			})
			if err != nil {
				return nil, err
			}
			ask = append(ask, ms)
			text := fmt.Sprintf(benchPassage, i, i*7)
			ms, err = processorTime(func() error { _, err := e.Passage(ctx, "A standby falls behind > Measure it", text); return err })
			if err != nil {
				return nil, err
			}
			passage = append(passage, ms)
		}
		out = append(out, figureOf(e.Name+": a question encoded", "ms", askAtMost, ask...), figureOf(e.Name+": 1000 passages encoded", "s", encodeAtMost, passage...))
	}
	return out, nil
}
