package bot

import "github.com/switchman-dr/switchman/knowledge"

// answerCards are answers as they are drawn: on the way, whole, for everybody in a channel, in a model's
// words, and none.
func answerCards() map[string]func(easel) any {
	cited := []knowledge.Cited{
		{Doc: "runbooks/postgres/lag.md", Title: "Replication lag", Heading: "Replication lag › See how far a standby is behind", Start: 12, Reviewed: "2026-10-01", Owner: "operations", Passage: "p1",
			URL: "https://dr.harbor.example/#/runbooks/lag"},
		{Doc: "runbooks/postgres/batch.md", Title: "The batch", Heading: "The batch › Stop it", Start: 40, Passage: "p2", URL: "https://dr.harbor.example/#/runbooks/batch", Stale: []string{knowledge.StaleNever}},
	}
	quotes := knowledge.Answer{Verdict: knowledge.Answered, Confidence: 0.9, Sources: cited, Parts: []knowledge.Part{
		{Source: 0, Kind: knowledge.Code, Quote: "```sql\nSELECT client_addr, replay_lag FROM pg_stat_replication;\n```"},
		{Source: 0, Kind: knowledge.Prose, Quote: "More than thirty seconds is too much, see `replay_lag`\nand <!channel>."},
		{Source: 1, Kind: knowledge.Steps, Quote: "1. Find the batch on the primary.\n2. Pause it; do not kill it."}}}
	worded := quotes
	worded.Mode, worded.Parts = "model", []knowledge.Part{{Source: 0, Text: "Ask the primary for the lag of each standby.", Quote: "SELECT client_addr, replay_lag", Kind: knowledge.Prose}}
	none := knowledge.Answer{Verdict: knowledge.NotInRunbooks, Sources: cited[:1], Ranking: knowledge.Lexical}
	everybody := func(e easel) easel { e.person = ""; return e }
	alone := func(e easel) easel { e.person = "lin"; return e }
	return map[string]func(easel) any{
		"answer-looking": func(e easel) any { return e.said("answer", "", Calm, e.say("answer_looking", nil)) },
		"answer-going": func(e easel) any {
			return everybody(e).answer(Told{Answer: quotes, Asked: "a1", Going: true}, InChannel)
		},
		"answer-channel": func(e easel) any {
			return everybody(e).answer(Told{Answer: quotes, Asked: "a1", Carried: "replication lag"}, InChannel)
		},
		"answer-own":   func(e easel) any { return alone(e).answer(Told{Answer: quotes, Asked: "a1", Own: true}, Alone) },
		"answer-share": func(e easel) any { return alone(e).answer(Told{Answer: quotes, Asked: "a1"}, InChannel) },
		"answer-model": func(e easel) any {
			return everybody(e).answer(Told{Answer: worded, Asked: "a1", LeftOut: 1}, InChannel)
		},
		"answer-none": func(e easel) any { return everybody(e).answer(Told{Answer: none, Asked: "a1"}, InChannel) },
	}
}
