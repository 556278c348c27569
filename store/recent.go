package store

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/switchman-dr/switchman/dr"
)

// recent remembers a few values read last by what they were read from. A run is read with every move
// anybody makes, and decoding its JSON would be the larger half of the work. What is found is shared:
// copy before you hand it on.
type recent[V any] struct {
	mu   sync.Mutex
	list []remembered[V]
}

type remembered[V any] struct {
	key   string
	value V
}

const recentKept = 8 // runs open at one time are few

func (c *recent[V]) find(key string) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.list {
		if r.key == key {
			return r.value, true
		}
	}
	return v, false
}

func (c *recent[V]) keep(key string, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) == recentKept {
		c.list = slices.Delete(c.list, 0, 1)
	}
	c.list = append(c.list, remembered[V]{key, v})
}

// details decodes the JSON of a run.
type details struct{ recent[dr.Run] }

func (d *details) read(detail string) (dr.Run, error) {
	if run, ok := d.find(detail); ok {
		return cloneDetail(run), nil
	}
	var run dr.Run
	if err := json.Unmarshal([]byte(detail), &run); err != nil {
		return run, err
	}
	d.keep(detail, cloneDetail(run))
	return run, nil
}

// wrote remembers what a detail was just made from, since the next thing that happens to a run is that
// it is read. JSON puts a mark in place of bytes that are no text; such a detail is left to be decoded.
func (d *details) wrote(detail string, run dr.Run) {
	if _, known := d.find(detail); known || strings.ContainsRune(detail, '\uFFFD') || strings.Contains(detail, `\ufffd`) {
		return
	}
	run = cloneDetail(run)
	run.Round, run.Codes, run.Checks = dr.Round{}, nil, nil
	d.keep(detail, run)
}

// cloneDetail copies what a run's detail holds by reference. A test fails when dr.Run gains a field
// this does not know.
func cloneDetail(run dr.Run) dr.Run {
	run.Systems, run.Overrides = slices.Clone(run.Systems), slices.Clone(run.Overrides)
	if run.Force != nil {
		force := *run.Force
		force.Systems = slices.Clone(force.Systems)
		run.Force = &force
	}
	return run
}
