package alerts

import (
	"slices"
)

// empty ends a situation all of whose signals went elsewhere.
func (e *Engine) empty(s *sit, now int64) {
	if !s.opened {
		s.state = ""
		return
	}
	s.state, s.ended = stateMerged, now
	var others []string
	if s.into != "" {
		others = []string{s.into}
		if to := e.find(s.into); to != nil && !slices.Contains(to.from, s.id) {
			to.from = append(to.from, s.id)
			e.touch(to)
		}
	}
	e.say(s, "merged", others)
	e.finish(s)
}

// drop lets go of a signal by itself that nothing joined: it is noise.
func (e *Engine) drop(s *sit) {
	for _, x := range s.items {
		x.sit, x.keys = nil, x.keys[:min(len(x.keys), 1)]
	}
	s.items, s.state = nil, ""
}

// quietMS is how long nothing may fire before a situation is closed.
func (e *Engine) quietMS() int64 {
	if e.opts.QuietMS > 0 {
		return e.opts.QuietMS
	}
	return quietMS
}

// reopenMS is how long what ended may come back. Whoever wants an early end wants the next thing to be another.
func (e *Engine) reopenMS() int64 {
	if e.opts.QuietMS > 0 {
		return 0
	}
	return reopenMS
}

// rest moves a situation between open, quiet and closed.
func (e *Engine) rest(s *sit, now int64) {
	signs, last := s.items, s.last
	if s.sure { // it lasts as long as its fault shows, whatever else fires nearby
		signs, last = s.core, s.quiet
	}
	firing := slices.ContainsFunc(signs, (*item).firing)
	switch {
	case firing && s.state == stateQuiet:
		s.state, s.quiet = stateOpen, 0
	case !firing && s.state == stateOpen:
		s.state, s.quiet, s.faded = stateQuiet, now, true
		e.say(s, "quiet", nil)
		e.remains(s)
	}
	switch {
	case s.state == stateQuiet && now-max(s.quiet, last) >= e.quietMS(), now-s.last >= hangMS:
		s.state, s.ended, s.due = stateClosed, now, now+e.reopenMS()
		e.say(s, "closed", nil)
		e.finish(s)
		e.rejoins(s)
		if e.reopenMS() == 0 { // at once: what comes in this very moment is another thing
			e.release(s, now)
		}
	case s.state == stateQuiet:
		s.due = max(s.quiet, last) + e.quietMS()
	default:
		s.due = s.last + hangMS
	}
}

// reopen takes up a situation that had ended.
func (e *Engine) reopen(s *sit) {
	if s.state != stateClosed {
		return
	}
	s.state, s.ended, s.final, s.quiet = stateOpen, 0, nil, 0
	s.times++
	s.named = e.clock
	e.say(s, "reopened", nil)
	e.touch(s)
}

// finish keeps a situation as it was.
func (e *Engine) finish(s *sit) {
	v := e.view(s)
	s.final = &v
}

// release forgets the alerts of a situation that can no longer be opened again.
func (e *Engine) release(s *sit, now int64) {
	if s.state == stateClosed && now < s.ended+e.reopenMS() {
		s.due = s.ended + e.reopenMS()
		return
	}
	mine := s.items
	for _, x := range mine {
		x.sit = nil
	}
	s.items, s.core = nil, nil
	if e.opts.QuietMS > 0 { // what was broken on purpose says nothing of how often it happens, nor of what comes next
		e.discard(func(x *item) bool { return !x.firing() && slices.Contains(mine, x) })
		start := e.rates.start
		e.rates = newRates(e.opts.MaxOpen)
		e.rates.start = start
		e.changes = slices.DeleteFunc(e.changes, func(c changed) bool { return c.at < s.quiet })
	}
}

// back says whether a situation may take in what is new: it is live and not stale, or ended just now.
func (e *Engine) back(s *sit) bool {
	switch s.state {
	case stateOpen:
		return e.clock-int64(pick(s.sure, float64(s.upto), float64(s.last))) < sameMS
	case stateQuiet:
		return true
	case stateClosed:
		return e.clock < s.ended+e.reopenMS() && s.items != nil
	}
	return false
}
