package config

import "strings"

// runbooks says what questions are answered from, and what searching rests on.
func (d *doctor) runbooks() {
	const area = "runbooks"
	for _, s := range d.cfg.Runbooks {
		d.say(area, Note, "", "Runbooks are read from %s too, as %s/.", s.Dir, s.Name)
	}
	if d.cfg.SlackChannel != "" && d.cfg.SlackRoom == "" {
		d.say(area, Note, "Name the channel in "+prefix+"SLACK_ROOM, or give its id under slack in organisation.yaml.",
			"Unless organisation.yaml lists the Slack channel by its id, only public runbooks are quoted there.")
	}
	if d.cfg.LLMEmbedModel != "" || len(d.facts.Encoders) == 0 {
		return
	}
	var missing []string
	for _, e := range d.facts.Encoders {
		if e.Missing != nil {
			missing = append(missing, e.Model)
		}
	}
	if len(missing) == 0 {
		d.say(area, Fine, "", "Passages are found by words and by meaning; the weights are in %s.", d.cfg.Models())
		return
	}
	d.say(area, Warning, "Run make model, or switchman knowledge model install.",
		"Passages are found by words alone: weights are missing (%s). A question in other words than the runbook's may find nothing.", strings.Join(missing, ", "))
}
