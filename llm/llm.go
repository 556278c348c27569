// Package llm asks language models, at arm's length: chat and embeddings of any server that speaks
// OpenAI's API (OpenAI, Azure, Ollama, vLLM, llama.cpp), through go-openai.
//
// It owns the model's HTTP client and everything that keeps a strange server from doing harm: what is
// sent is masked first; every answer is streamed, bounded in bytes, tokens and time, and counts only
// when the server says it is finished; failures are sorted into kinds, retried where that helps, and
// after several in a row the server is left alone for a while; a budget bounds a day.
//
// It refuses to be more: no tools are offered to a model and calls for them are an error; nothing a
// model says is believed here, checked or shown. The package reaches neither actions nor approvals nor
// the life of a run; a test of the import graph keeps it so.
//
// Invariants: the key is printed nowhere, go-openai does not even get it; log lines hold digests and
// counts, never a word that was sent or received, nor the server's own error text, which may repeat
// them; embeddings come all or not at all, in the order asked for and with one number of dimensions;
// every call ends by its deadline, whatever the server does.
package llm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	openai "github.com/sashabaranov/go-openai"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/redact"
)

// Config is what a client is made from. URL and Model are needed for chat, EmbedModel for embeddings.
type Config struct {
	URL        string // base address with its path, such as http://127.0.0.1:8080/v1
	Key        Key
	Model      string
	EmbedURL   string // empty: URL
	EmbedModel string
	Azure      string // version of Azure's API; empty: not Azure
	OldLimit   bool   // the server knows max_tokens only

	Budget int // tokens a day; 0: no limit
	// Book adds to what was used in a day and gives what that comes to, before restarts and by other servers
	// too; adding nothing only asks. nil: this process counts for itself.
	Book     func(ctx context.Context, more Usage) (Usage, error)
	Zone     *time.Location // in which a day begins; nil: UTC
	Deadline time.Duration  // of a call, all attempts together; 0: one minute
	Idle     time.Duration  // longest silence in a stream that has begun; 0: 30 seconds

	Masker *redact.Masker // of the secrets this process knows; nil masks shapes only
	Clock  dr.Clock
	Log    *slog.Logger
}

// Request is one prompt. It has the fields of prompts.Request, so that one converts into the other.
type Request struct {
	Name      string          // of the prompt, for the log
	System    string          // ours
	User      string          // with the data in it
	Schema    json.RawMessage // of the answer; empty: free text
	MaxTokens int             // of the answer
}

// Reply is a finished answer. Nothing in it is trustworthy but the counts.
type Reply struct {
	Text     string
	Tokens   int // sent and received, as the server says or as estimated
	Attempts int // requests that were sent
	Took     dr.Millis
}

// Client asks one chat model and one embedding model. It is safe for concurrent use.
type Client struct {
	cfg    Config
	chat   *openai.Client // nil without a model
	embed  *openai.Client // nil without an embedding model
	talks  *breaker       // of chat
	embeds *breaker
	budget *budget
	plain  atomic.Bool // the server refused a schema and took the same request without one
}

// New makes a client; nothing is sent. The error is a [dr.Invalid] one.
func New(cfg Config) (*Client, error) {
	if cfg.Deadline == 0 {
		cfg.Deadline = time.Minute
	}
	if cfg.Idle == 0 {
		cfg.Idle = 30 * time.Second
	}
	if cfg.EmbedURL == "" {
		cfg.EmbedURL = cfg.URL
	}
	c := &Client{cfg: cfg, talks: newBreaker(cfg.Clock), embeds: newBreaker(cfg.Clock), budget: newBudget(cfg)}
	var err error
	if cfg.Model != "" {
		c.chat, err = cfg.dial(cfg.URL)
	}
	if err == nil && cfg.EmbedModel != "" {
		c.embed, err = cfg.dial(cfg.EmbedURL)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// dial prepares go-openai for one address.
func (cfg *Config) dial(address string) (*openai.Client, error) {
	u, err := url.Parse(address)
	if err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, dr.Errorf(dr.Invalid, "%q is not the base address of a model's server", address).WithHint("Write it as https://HOST/v1.")
	}
	setup := openai.DefaultConfig("")
	if cfg.Azure != "" {
		setup = openai.DefaultAzureConfig("", "")
		setup.APIVersion = cfg.Azure
	}
	setup.BaseURL = strings.TrimRight(address, "/")
	setup.HTTPClient = newHTTPClient(cfg.Key, cfg.Azure != "", cfg.Deadline)
	setup.EmptyMessagesLimit = 1 << 20 // empty lines never get as far; see events
	return openai.NewClientWithConfig(setup), nil
}

// Chats reports whether there is a model that answers.
func (c *Client) Chats() bool { return c != nil && c.chat != nil }

// Embeds reports whether there is a model that embeds.
func (c *Client) Embeds() bool { return c != nil && c.embed != nil }

// EmbedModel names the space that vectors are in: those of two names never meet.
func (c *Client) EmbedModel() string { return c.cfg.EmbedModel }

// Usage says what was used today, as far as this process knows.
func (c *Client) Usage() Usage { return c.budget.usage() }

// Format prints which models are asked, whatever the verb; keys and addresses stay inside.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "llm.Client(%s, %s)", c.cfg.Model, c.cfg.EmbedModel)
}

// mask takes the secrets out of what is about to leave.
func (c *Client) mask(text string) string {
	masked, _ := c.cfg.Masker.Text(text)
	return masked
}

// tell logs one call, in digests.
func (c *Client) tell(ctx context.Context, what, model, sent, received string, r Reply, err error) {
	args := []any{"what", what, "model", model, "sent", digest(sent), "tokens", r.Tokens, "attempts", r.Attempts, "took_ms", int64(r.Took)}
	if err != nil {
		c.cfg.Log.WarnContext(ctx, "the model gave no answer", append(args, "why", err.Error())...)
		return
	}
	c.cfg.Log.InfoContext(ctx, "the model answered", append(args, "received", digest(received))...)
}

// digest names a text without telling it.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// estimate counts tokens where the server does not: about four ASCII signs, or one other, each.
func estimate(texts ...string) int {
	n := 0
	for _, text := range texts {
		runes := utf8.RuneCountInString(text)
		wide := (len(text) - runes) / 2 // exact for the three bytes of Chinese
		n += (runes-wide)/4 + wide + 4
	}
	return n
}

// Key is the secret of a model's server. However it is printed or encoded, it shows only whether it
// is there.
type Key struct{ text string }

// NewKey wraps a key.
func NewKey(text string) Key { return Key{text: text} }

// String is "[key]", or nothing when there is none.
func (k Key) String() string {
	if k.text == "" {
		return ""
	}
	return "[key]"
}

// Format answers every verb, those too that would walk into the struct.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue answers slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText answers encoders.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
