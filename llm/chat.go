package llm

import (
	"context"
	"errors"
	"io"
	"strings"

	openai "github.com/sashabaranov/go-openai"

	"github.com/switchman-dr/switchman/dr"
)

// Delta is a piece of an answer on its way. A later attempt begins the answer anew.
type Delta struct {
	Attempt int
	Text    string
}

// attempts are made at an answer of the wanted shape; then the caller goes on without.
const attempts = 2

// nudges are added to the second attempt: the same question would get the same answer.
const nudge = "\n\nYour last reply could not be used. Reply with one JSON object of the described shape and nothing else, and keep it short."

// Complete asks once. Pieces of the answer go to each as they come, which may be nil; they are as little
// checked as the answer. Cancelling ctx ends the server's work too.
func (c *Client) Complete(ctx context.Context, r Request, each func(Delta)) (Reply, error) {
	return c.Structured(ctx, r, each, nil)
}

// Structured asks for an answer that accept takes; its error means "not like this". A second attempt is
// made where it may help, then the error says why there is none, and the caller answers without a model.
func (c *Client) Structured(ctx context.Context, r Request, each func(Delta), accept func(text string) error) (reply Reply, err error) {
	if !c.Chats() {
		return Reply{}, &Error{Kind: Off}
	}
	began := c.cfg.Clock.Now()
	ctx, beat, stop := c.guard(ctx)
	defer stop()
	r.System, r.User = c.mask(r.System), c.mask(r.User)
	defer func() {
		reply.Took = dr.MillisOf(c.cfg.Clock.Now().Sub(began))
		c.tell(ctx, r.Name, c.cfg.Model, r.System+r.User, reply.Text, reply, err)
	}()
	last := attempts
	if accept == nil {
		last = 1
	}
	bare := c.plain.Load()
	for attempt := 1; ; attempt++ {
		got, tried := c.ask(ctx, r, bare, attempt, beat, each)
		reply = Reply{Text: got.Text, Tokens: reply.Tokens + got.Tokens, Attempts: reply.Attempts + got.Attempts}
		if tried == nil && accept != nil && accept(got.Text) != nil {
			tried = &Error{Kind: Malformed}
		}
		kind := KindOf(tried)
		if tried == nil {
			c.plain.Store(bare)
			return reply, nil
		}
		if attempt == last || kind != Malformed && kind != Broken && kind != Cut && kind != Rejected {
			return reply, tried
		}
		bare = bare || kind == Rejected
		if kind != Rejected {
			r.System += nudge
		}
	}
}

// ask sends one prompt within the budget, with the retries a network needs.
func (c *Client) ask(ctx context.Context, r Request, bare bool, attempt int, beat func(), each func(Delta)) (Reply, error) {
	sent := estimate(r.System, r.User)
	held := sent + r.MaxTokens
	if err := c.budget.hold(ctx, held); err != nil {
		return Reply{}, err
	}
	var reply Reply
	used := 0
	tries, err := c.again(ctx, c.talks, func() (bool, error) {
		s := stream{beat: beat, limit: 16*r.MaxTokens + 4096}
		if each != nil {
			s.each = func(text string) { each(Delta{Attempt: attempt, Text: text}) }
		}
		err := s.run(ctx, c.chat, c.request(r, bare))
		if s.tokens == 0 && s.opened {
			s.tokens = sent + estimate(s.text.String())
		}
		used += s.tokens
		reply = Reply{Text: s.text.String()}
		return s.text.Len() > 0, err
	})
	c.budget.settle(ctx, held, used)
	reply.Tokens, reply.Attempts = used, tries
	return reply, err
}

// request is what go-openai sends. bare leaves out what old servers refuse.
func (c *Client) request(r Request, bare bool) openai.ChatCompletionRequest {
	q := openai.ChatCompletionRequest{Model: c.cfg.Model, Stream: true, Messages: []openai.ChatCompletionMessage{
		{Role: openai.ChatMessageRoleSystem, Content: r.System}, {Role: openai.ChatMessageRoleUser, Content: r.User}}}
	if c.cfg.OldLimit {
		//lint:ignore SA1019 servers older than the other field know only this one
		q.MaxTokens = r.MaxTokens
	} else {
		q.MaxCompletionTokens = r.MaxTokens
	}
	if bare {
		return q
	}
	if !thinks(c.cfg.Model) {
		q.Temperature = 0.01 // 0 would be left out and mean the server's own
	}
	q.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
	if len(r.Schema) > 0 {
		// Not strict: strict servers of OpenAI refuse schemas with lengths, which the others need lest a model
		// runs to its limit; and what comes is checked anyway.
		q.ResponseFormat = &openai.ChatCompletionResponseFormat{Type: openai.ChatCompletionResponseFormatTypeJSONSchema,
			JSONSchema: &openai.ChatCompletionResponseFormatJSONSchema{Name: r.Name, Schema: r.Schema}}
	}
	return q
}

// thinks tells the models that refuse a temperature.
func thinks(model string) bool {
	for _, family := range []string{"o1", "o3", "o4", "gpt-5", "gpt-6"} {
		if strings.HasPrefix(model, family) {
			return true
		}
	}
	return false
}

// stream reads one answer.
type stream struct {
	each   func(string)
	beat   func()
	limit  int // bytes
	text   strings.Builder
	opened bool
	tokens int // as the server says
	silent int // bytes of reasoning, which nobody sees but which use the limit up too
}

// run reads to the end. Only a stream that ends with a reason to stop is an answer: many servers just
// close when something goes wrong.
func (s *stream) run(ctx context.Context, client *openai.Client, q openai.ChatCompletionRequest) error {
	in, err := client.CreateChatCompletionStream(ctx, q)
	if err != nil {
		return fault(ctx, err)
	}
	defer in.Close()
	s.opened = true
	var finish openai.FinishReason
	for {
		chunk, err := in.Recv()
		if errors.Is(err, io.EOF) {
			return ended(ctx, finish, s.text.Len())
		}
		if err != nil {
			e := fault(ctx, err)
			if e.Kind == Unreachable && e.Status == 0 {
				e.Kind = Broken // it was reached, and then cut off
			}
			return e
		}
		s.beat()
		if chunk.Usage != nil {
			s.tokens = chunk.Usage.TotalTokens
		}
		reason, err := s.take(chunk)
		if err != nil {
			return err
		}
		if reason != "" {
			finish = reason
		}
	}
}

// take adds one piece.
func (s *stream) take(chunk openai.ChatCompletionStreamResponse) (openai.FinishReason, error) {
	for _, choice := range chunk.Choices {
		if choice.Index != 0 {
			continue
		}
		d := choice.Delta
		switch {
		case d.Refusal != "":
			return "", &Error{Kind: Declined}
		case len(d.ToolCalls) > 0 || d.FunctionCall != nil:
			return "", &Error{Kind: Broken, Code: "tool_call"}
		}
		s.silent += len(d.ReasoningContent)
		if d.Content != "" {
			s.text.WriteString(d.Content)
			if s.each != nil {
				s.each(d.Content)
			}
		}
		if s.text.Len()+s.silent > s.limit {
			return "", &Error{Kind: Cut, Code: "too_big"}
		}
		if choice.FinishReason != "" && choice.FinishReason != openai.FinishReasonNull {
			return choice.FinishReason, nil
		}
	}
	return "", nil
}

// ended judges a stream by the reason it gave for its end.
func ended(ctx context.Context, reason openai.FinishReason, size int) error {
	switch {
	case ctx.Err() != nil:
		return fault(ctx, ctx.Err())
	case reason == openai.FinishReasonStop && size > 0:
		return nil
	case reason == openai.FinishReasonLength:
		return &Error{Kind: Cut}
	case reason == openai.FinishReasonContentFilter:
		return &Error{Kind: Filtered}
	case reason == openai.FinishReasonToolCalls || reason == openai.FinishReasonFunctionCall:
		return &Error{Kind: Broken, Code: "tool_call"}
	}
	return &Error{Kind: Broken, Code: "no_end"}
}
