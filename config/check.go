package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// check looks at values that parsed but cannot be meant. Each line names its setting.
func (c *Config) check() []string {
	var wrong []string
	must := func(ok bool, format string, a ...any) {
		if !ok {
			wrong = append(wrong, fmt.Sprintf(format, a...))
		}
	}
	must(c.StateDir != "", "state_dir: is empty")
	must(c.DatabaseURL.Empty() || isDatabase(c.DatabaseURL.Reveal()),
		"database_url: want postgres://USER@HOST/DATABASE")
	must(!c.Listens() || isHostPort(c.Addr), "addr: is %q, want host:port or off", c.Addr)
	must(c.PhoneAddr == "" || isHostPort(c.PhoneAddr), "phone_addr: is %q, want host:port", c.PhoneAddr)
	must(c.ConsoleURL == "" || isURL(c.ConsoleURL, "http", "https"), "console_url: is %q, want https://HOST", c.ConsoleURL)
	for _, proxy := range c.TrustedProxies {
		_, err := prefixOf(proxy)
		must(err == nil, "trusted_proxies: %q is neither an address nor a network such as 10.1.0.0/16", proxy)
	}
	must(c.Server == "" || len(c.Server) > len("unix:") && strings.HasPrefix(c.Server, "unix:") || isURL(c.Server, "http", "https"),
		"server: is %q, want http(s)://HOST:PORT or unix:PATH", c.Server)
	must(c.Pepper.Empty() || len(c.Pepper.Reveal()) >= 32, "pepper: is shorter than 32 characters")
	for _, target := range c.AllowHTTP {
		must(isHostPort(target), "allow_http: is %q, want host:port", target)
	}
	for _, name := range c.ExecEnv {
		must(!strings.HasPrefix(name, prefix) && !strings.Contains(name, "="),
			"exec_env: %q cannot be passed on; want the name of a variable that does not begin with %s", name, prefix)
	}
	given := 0
	for _, there := range []bool{!c.SlackBotToken.Empty(), !c.SlackAppToken.Empty(), c.SlackChannel != ""} {
		if there {
			given++
		}
	}
	must(given == 0 || given == 3, "slack_bot_token: slack_bot_token, slack_app_token and slack_channel go together; give all three or none")
	must(c.SlackBotToken.Empty() || strings.HasPrefix(c.SlackBotToken.Reveal(), "xoxb-"), "slack_bot_token: does not begin with xoxb-; it is the token of the app's bot user")
	must(c.SlackAppToken.Empty() || strings.HasPrefix(c.SlackAppToken.Reveal(), "xapp-"), "slack_app_token: does not begin with xapp-; it is the app-level token")
	must(c.SlackChannel == "" || isSlackID(c.SlackChannel), "slack_channel: is %q, want the channel's id, such as C0123456789", c.SlackChannel)
	must(c.SlackURL == "" || isURL(c.SlackURL, "http", "https") && strings.HasSuffix(c.SlackURL, "/"), "slack_url: is %q, want https://HOST/api/", c.SlackURL)
	wrong = append(wrong, c.checkHooks()...)
	wrong = append(wrong, c.checkModel()...)
	wrong = append(wrong, c.checkNotices()...)
	return wrong
}

// checkModel holds what belongs to the language model together.
func (c *Config) checkModel() []string {
	var wrong []string
	for name, address := range map[string]string{"llm_url": c.LLMURL, "llm_embed_url": c.LLMEmbedURL} {
		if address != "" && !isBase(address) {
			wrong = append(wrong, fmt.Sprintf("%s: is %q, want https://HOST/v1 without user, query or the name of a method", name, address))
		}
	}
	slices.Sort(wrong)
	must := func(ok bool, text string) {
		if !ok {
			wrong = append(wrong, text)
		}
	}
	must(c.LLMModel == "" || c.LLMURL != "", "llm_model: needs llm_url")
	must(c.LLMURL == "" || c.LLMModel != "" || c.LLMEmbedModel != "", "llm_url: needs llm_model, or llm_embed_model for embeddings alone")
	must(c.LLMEmbedModel == "" || c.LLMEmbedURL != "" || c.LLMURL != "", "llm_embed_model: needs llm_embed_url or llm_url")
	must(c.LLMEmbedURL == "" || c.LLMEmbedModel != "", "llm_embed_url: needs llm_embed_model")
	return wrong
}

// isBase is what an address of a model's server must look like: methods are put behind it.
func isBase(text string) bool {
	u, err := url.Parse(text)
	return err == nil && isURL(text, "http", "https") && u.User == nil && u.RawQuery == "" && u.Fragment == "" &&
		!strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/completions") && !strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/embeddings")
}

// isSlackID accepts ids of public and private channels.
func isSlackID(id string) bool {
	return len(id) > 1 && len(id) <= 24 && (id[0] == 'C' || id[0] == 'G') &&
		strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

func (c *Config) checkNotices() []string {
	var wrong []string
	mails := false
	for _, class := range slices.Sorted(keys(c.Notify)) {
		for _, t := range c.Notify[class] {
			if !t.Webhook.Empty() && !isWebhook(t.Webhook.Reveal()) {
				wrong = append(wrong, fmt.Sprintf("notify: the webhook of class %s is not an http(s) address without a password", class))
			}
			for _, address := range t.Mail {
				mails = true
				if !isMail(address) {
					wrong = append(wrong, fmt.Sprintf("notify: class %s: %q is not a mail address", class, address))
				}
			}
		}
	}
	if mails && (c.SMTPAddr == "" || c.SMTPFrom == "") {
		wrong = append(wrong, "notify: targets with mail need smtp_addr and smtp_from")
	}
	if c.SMTPAddr != "" && !isHostPort(c.SMTPAddr) {
		wrong = append(wrong, fmt.Sprintf("smtp_addr: is %q, want host:port", c.SMTPAddr))
	}
	if c.SMTPFrom != "" && !isMail(c.SMTPFrom) {
		wrong = append(wrong, fmt.Sprintf("smtp_from: %q is not a mail address", c.SMTPFrom))
	}
	if (c.SMTPUser == "") != c.SMTPPassword.Empty() {
		wrong = append(wrong, "smtp_user: user and smtp_password go together; give both or neither")
	}
	if c.SMTPTLS == "none" && !c.SMTPPassword.Empty() {
		wrong = append(wrong, "smtp_tls: none would send the password in the open; use starttls or tls")
	}
	for _, anchor := range c.Anchors {
		class, notify := strings.CutPrefix(anchor, "notify:")
		switch {
		case anchor == "stdout" || anchor == "syslog":
		case !notify:
			wrong = append(wrong, fmt.Sprintf("anchors: %q is not one of stdout, syslog, notify:CLASS", anchor))
		case len(c.Notify[class]) == 0:
			wrong = append(wrong, fmt.Sprintf("anchors: class %q has no target in notify", class))
		}
	}
	return wrong
}

func isURL(text string, schemes ...string) bool {
	u, err := url.Parse(text)
	return err == nil && slices.Contains(schemes, u.Scheme) && u.Host != ""
}

// isDatabase is a host by its name, or a unix socket's directory as ?host=/var/run/postgresql.
func isDatabase(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (isURL(text, "postgres", "postgresql") || slices.Contains([]string{"postgres", "postgresql"}, u.Scheme) && u.Query().Get("host") != "")
}

// isWebhook is an address without a password in it: those belong into the path or a header.
func isWebhook(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.User == nil && isURL(text, "http", "https")
}

func isHostPort(text string) bool {
	host, port, err := net.SplitHostPort(text)
	n, bad := strconv.Atoi(port)
	return err == nil && bad == nil && n >= 0 && n <= 65535 && !strings.ContainsAny(host, "*/ ")
}

func isMail(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Name == "" && !strings.ContainsAny(text, "\r\n")
}
