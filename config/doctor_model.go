package config

import (
	"net"
	"net/url"
)

// model says who words the answers, and what leaves the house for that.
func (d *doctor) model() {
	const area = "model"
	c := d.cfg
	if c.LLMModel == "" {
		d.say(area, Note, "", "No language model is set: questions are answered with the runbooks' own passages, and nothing of them leaves this machine.")
	} else {
		d.say(area, Note, "", "Questions and the passages found for them go to %s (%s), secrets masked; an answer waits at most %s.", host(c.LLMURL), c.LLMModel, c.LLMDeadline)
		d.plainly(c.LLMURL)
		if c.LLMBudget == 0 {
			d.say(area, Warning, "Set "+prefix+"LLM_BUDGET.", "Nothing limits how many tokens are used in a day.")
		} else {
			d.say(area, Fine, "", "At most %d tokens are used in a day.", c.LLMBudget)
		}
	}
	if c.LLMEmbedModel == "" {
		return
	}
	address := c.LLMEmbedURL
	if address == "" {
		address = c.LLMURL
	}
	d.say(area, Note, "", "Every runbook is sent to %s once, and again when it changes, to be embedded (%s), secrets masked.", host(address), c.LLMEmbedModel)
	if address != c.LLMURL || c.LLMModel == "" {
		d.plainly(address)
	}
}

// plainly warns of an address that is read along the way.
func (d *doctor) plainly(address string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "https" {
		return
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return
	}
	d.say("model", Warning, "Use https, or a proxy with TLS in front of the model.", "Questions, passages and the key go to %s unprotected.", u.Host)
}

func host(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Host
	}
	return address
}
