package knowledge

import (
	"context"
)

// script is how a text is written. Passages of one script are ranked among themselves before the two
// meet: a model puts texts of one language together before texts of one meaning, and words seldom cross.
type script int

// The two scripts there are models for.
const (
	latin script = iota // and every other that writes spaces
	han                 // Chinese and Japanese
)

// scriptOf is the script of a passage. Runbooks in Chinese are full of commands, so a fifth is enough.
func scriptOf(texts ...string) script {
	all, signs := 0, 0
	for _, text := range texts {
		for _, r := range text {
			if r > ' ' {
				all++
				if cjk(r) {
					signs++
				}
			}
		}
	}
	if signs*5 > all {
		return han
	}
	return latin
}

// scriptOfAsk is that of a question: who writes a single Chinese sign asks in Chinese.
func scriptOfAsk(text string) script {
	if HasCJK(text) {
		return han
	}
	return latin
}

// side is the passages of one script as a question meets them.
type side struct {
	model  script // which of the embedders
	e      *Embedder
	dense  *dense
	vector []float32
}

// sides chooses a model for the passages of each script in view: for Chinese ones always the model that
// reads Chinese, for others that of the question. Words alone decide where the passages of the question's
// own script have no vectors; those of the other one can do without.
func (w *view) sides(own script, es Embedders) (out [2]*side, ok bool) {
	for s := range out {
		m := max(own, script(s))
		if d := w.dense[m][s]; d != nil {
			out[s], ok = &side{model: m, e: es.list()[m], dense: d}, true
		}
	}
	if w.scripts[own] > 0 && out[own] == nil || own == han && w.scripts[latin] > 0 && out[latin] == nil {
		return [2]*side{}, false
	}
	return out, ok
}

// reads says whether a model has to do with passages of a script: the one for Latin script cannot read
// Chinese, and its vectors of it would be noise.
func (es Embedders) reads(e *Embedder, s script) bool { return s == latin || e == es.CJK }

// encode gives the sides the vector of a question, by each model once.
func encode(ctx context.Context, text string, sides [2]*side) error {
	for i, s := range sides {
		switch {
		case s == nil:
		case i > 0 && sides[0] != nil && sides[0].e == s.e:
			s.vector = sides[0].vector
		default:
			v, err := s.e.Query(ctx, text)
			if err == nil {
				err = s.e.fits(v)
			}
			if err != nil {
				return err
			}
			s.vector = v
		}
	}
	return nil
}

// near gives the passages of either side that are nearest to the question.
func near(ctx context.Context, sides [2]*side, n int) (map[uint32]float64, error) {
	out := map[uint32]float64{}
	for _, s := range sides {
		if s == nil {
			continue
		}
		if err := s.dense.near(ctx, s.vector, n, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}
