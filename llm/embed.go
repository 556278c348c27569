package llm

import (
	"context"
	"math"
	"strings"

	openai "github.com/sashabaranov/go-openai"

	"github.com/switchman-dr/switchman/dr"
)

const (
	batch       = 64   // texts of one request
	longestText = 6000 // characters of a text that are embedded
)

// Embed gives a vector of length 1 for each text, in their order: all of them or none, since a ranking
// with half the vectors is worse than one without. want is the number of dimensions there must be, 0 for
// any; where the server gives another the error is a [Mismatch], and everything has to be embedded anew.
func (c *Client) Embed(ctx context.Context, texts []string, want int) (vectors [][]float32, err error) {
	if !c.Embeds() {
		return nil, &Error{Kind: Off}
	}
	began := c.cfg.Clock.Now()
	var total Reply
	masked := make([]string, len(texts))
	for i, text := range texts {
		masked[i] = shorten(c.mask(text))
		if strings.TrimSpace(masked[i]) == "" {
			return nil, &Error{Kind: Mismatch, Code: "empty_text"}
		}
	}
	defer func() {
		total.Took = dr.MillisOf(c.cfg.Clock.Now().Sub(began))
		c.tell(ctx, "embed", c.cfg.EmbedModel, strings.Join(masked, "\x00"), "", total, err)
	}()
	for from := 0; from < len(masked); from += batch {
		part := masked[from:min(from+batch, len(masked))]
		got, tokens, tries, err := c.embedBatch(ctx, part, want)
		total.Tokens, total.Attempts = total.Tokens+tokens, total.Attempts+tries
		if err != nil {
			return nil, err
		}
		vectors, want = append(vectors, got...), len(got[0])
	}
	return vectors, nil
}

// embedBatch sends one request within budget and deadline.
func (c *Client) embedBatch(ctx context.Context, texts []string, want int) (vectors [][]float32, tokens, tries int, err error) {
	ctx, _, stop := c.guard(ctx)
	defer stop()
	held := estimate(texts...)
	if err := c.budget.hold(ctx, held); err != nil {
		return nil, 0, 0, err
	}
	tries, err = c.again(ctx, c.embeds, func() (bool, error) {
		res, err := c.embed.CreateEmbeddings(ctx, openai.EmbeddingRequestStrings{Input: texts, Model: openai.EmbeddingModel(c.cfg.EmbedModel), EncodingFormat: openai.EmbeddingEncodingFormatFloat})
		if err != nil {
			return false, err
		}
		tokens = res.Usage.TotalTokens
		if tokens <= 0 {
			tokens = held
		}
		vectors, err = ordered(res.Data, len(texts), want)
		return true, err
	})
	c.budget.settle(ctx, held, tokens)
	return vectors, tokens, tries, err
}

// ordered puts vectors where their index says and refuses whatever is not one good vector for each text.
func ordered(data []openai.Embedding, n, want int) ([][]float32, error) {
	if len(data) != n {
		return nil, &Error{Kind: Mismatch, Code: "count"}
	}
	vectors := make([][]float32, n)
	for _, d := range data {
		if d.Index < 0 || d.Index >= n || vectors[d.Index] != nil {
			return nil, &Error{Kind: Mismatch, Code: "index"}
		}
		if want == 0 {
			want = len(d.Embedding)
		}
		if len(d.Embedding) != want || want == 0 {
			return nil, &Error{Kind: Mismatch, Code: "dimensions"}
		}
		if vectors[d.Index] = unit(d.Embedding); vectors[d.Index] == nil {
			return nil, &Error{Kind: Mismatch, Code: "no_direction"}
		}
	}
	return vectors, nil
}

// unit scales a vector to length 1; nil for one that points nowhere.
func unit(v []float32) []float32 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	norm := math.Sqrt(sum)
	if norm < 1e-9 || math.IsInf(norm, 0) || math.IsNaN(norm) {
		return nil
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) / norm)
	}
	return out
}

// shorten keeps the front of a long text: past a server's window it would refuse all of it, for good.
func shorten(text string) string {
	n := 0
	for i := range text {
		if n++; n > longestText {
			return text[:i]
		}
	}
	return text
}
