package web

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

// Reading is a journal row with its words.
type Reading struct {
	dr.Row
	Text string `json:"text"`
}

// ReadingOf puts a row into words. A kind of row that a newer version wrote is shown by its name.
func ReadingOf(lang string, row dr.Row) Reading { return naming{}.reading(lang, row) }

// reading is ReadingOf with the names people use.
func (n naming) reading(lang string, row dr.Row) Reading {
	out := Reading{Row: row}
	if row.Kind == dr.RowRefusal {
		out.Text = n.refusalText(lang, row)
		return out
	}
	id, args := n.words(lang, row)
	if row.Kind == dr.RowSituation {
		id, args = situationWordsOf(lang, row)
	}
	if id == "" {
		out.Text = string(row.Kind)
		return out
	}
	args["actor"] = row.Actor
	n.name(row, args)
	if row.Actor == "" {
		args["actor"] = locale.Say(lang, "row_itself", nil)
	}
	if why := "bot_revoked_" + args["reason"]; row.Kind == dr.RowCodeRevoked && locale.Has(why) {
		args["reason"] = locale.Say(lang, why, nil)
	}
	out.Text = locale.Say(lang, id, args)
	return out
}

// refusalText repeats the sentence the person was given.
func (n naming) refusalText(lang string, row dr.Row) string {
	var d dr.RefusalData
	if json.Unmarshal(row.Data, &d) != nil {
		return string(row.Kind)
	}
	who := n.of("person", row.Actor)
	if who == "" {
		who = locale.Say(lang, "row_somebody", nil)
	}
	args := dr.Args{"actor": who, "verb": string(d.Verb), "why": locale.Say(lang, d.ID, d.Args)}
	if d.Verb == "" {
		return locale.Say(lang, "row_refusal_at_door", args)
	}
	return locale.Say(lang, "row_refusal", args)
}

// words names the sentence for a row and fills its holes.
func (n naming) words(lang string, row dr.Row) (string, dr.Args) {
	switch row.Kind {
	case dr.RowRequested:
		return wordsOf(row, "row_requested", func(d dr.RequestedData) dr.Args {
			return dr.Args{"plan": d.Plan, "mode": string(d.Mode), "from": d.From, "to": d.To, "reason": d.Reason}
		})
	case dr.RowState:
		return wordsOf(row, "row_state", func(d dr.StateData) dr.Args {
			why := first(wordOr(lang, "row_pause_"+string(d.Pause), string(d.Pause)), d.Reason, wordOr(lang, "row_event_"+d.Event, d.Event))
			return dr.Args{"from": locale.Term(lang, "state", string(d.From)), "to": locale.Term(lang, "state", string(d.To)), "why": why}
		})
	case dr.RowPreflight:
		return wordsOf(row, "row_preflight", preflightArgs)
	case dr.RowRound:
		return wordsOf(row, "row_round", func(d dr.RoundData) dr.Args {
			return dr.Args{"round": strconv.Itoa(d.Number), "expires": n.moment(d.Expires), "changed": strings.Join(d.Changed, "; ")}
		})
	case dr.RowVote:
		return wordsOf(row, "row_vote", func(d dr.VoteData) dr.Args {
			return dr.Args{"verdict": wordOr(lang, "row_voted_"+d.Verdict, d.Verdict), "have": strconv.Itoa(d.Have), "need": strconv.Itoa(d.Need), "reason": d.Reason}
		})
	case dr.RowRoundEnd:
		return wordsOf(row, "row_round_end", func(d dr.RoundEndData) dr.Args {
			return dr.Args{"round": strconv.Itoa(d.Number), "state": d.State, "reason": d.Reason}
		})
	case dr.RowCodeIssued, dr.RowCodeRevoked:
		return wordsOf(row, "row_"+strings.ReplaceAll(string(row.Kind), ".", "_"), func(d dr.CodeData) dr.Args {
			return dr.Args{"issuer": d.Issuer, "expires": n.moment(d.Expires), "reason": d.Reason}
		})
	case dr.RowCodeTried:
		return wordsOf(row, "row_code_tried", func(d dr.CodeTriedData) dr.Args {
			return dr.Args{"left": strconv.Itoa(d.Left)}
		})
	case dr.RowStarted:
		return wordsOf(row, "row_started", func(d dr.StartedData) dr.Args {
			return dr.Args{"voters": strings.Join(d.Voters, ", "), "issuers": strings.Join(d.Issuers, ", "), "people": strconv.Itoa(d.People)}
		})
	}
	return moreWords(lang, row)
}

func moreWords(lang string, row dr.Row) (string, dr.Args) {
	switch row.Kind {
	case dr.RowIntent:
		return wordsOf(row, "row_intent", func(d dr.IntentData) dr.Args {
			return dr.Args{"step": d.Step, "n": strconv.Itoa(d.N), "purpose": wordOr(lang, "row_purpose_"+d.Purpose, d.Purpose)}
		})
	case dr.RowOutcome:
		return wordsOf(row, "row_outcome", func(d dr.OutcomeData) dr.Args {
			return dr.Args{"step": d.Step, "state": string(d.State), "took": d.Took.String(), "text": d.Text}
		})
	case dr.RowStep:
		return wordsOf(row, "row_step", func(d dr.StepData) dr.Args {
			how := locale.Term(lang, "verb", wordOr(lang, "row_how_"+d.How, d.How))
			return dr.Args{"step": d.Step, "from": locale.Term(lang, "state", string(d.From)), "to": locale.Term(lang, "state", string(d.To)), "how": how, "reason": d.Reason}
		})
	case dr.RowSite:
		return siteWords(row)
	case dr.RowSoaked:
		return wordsOf(row, "row_run_soaked", func(d dr.SoakedData) dr.Args { return dr.Args{"wanted": d.Wanted.String()} })
	case dr.RowSystem:
		return wordsOf(row, "row_system", func(d dr.SystemData) dr.Args {
			return dr.Args{"system": d.ID, "state": wordOr(lang, "page_system_state_"+d.State, d.State), "site": d.Site, "verdict": wordOr(lang, "page_system_verdict_"+d.Verdict, d.Verdict)}
		})
	case dr.RowPlacement:
		return wordsOf(row, "row_placement", func(d dr.PlacementData) dr.Args {
			return dr.Args{"system": d.System, "from": d.From, "to": d.To}
		})
	case dr.RowOverride:
		return wordsOf(row, "row_override", func(d dr.Override) dr.Args { return dr.Args{"check": d.Check, "reason": d.Reason} })
	case dr.RowCommand:
		id := "row_command_asked"
		var d dr.CommandData
		if json.Unmarshal(row.Data, &d) == nil && d.Accepted {
			id = "row_command_taken"
		}
		return wordsOf(row, id, func(d dr.CommandData) dr.Args { return dr.Args{"from": d.From, "to": d.To} })
	case dr.RowForced:
		return wordsOf(row, "row_forced", func(d dr.ForcedData) dr.Args {
			return dr.Args{"systems": strings.Join(d.Systems, ", "), "reason": d.Reason}
		})
	case dr.RowNotice:
		return wordsOf(row, "row_notice", func(d dr.NoticeData) dr.Args {
			return dr.Args{"to": d.To, "via": d.Via, "state": d.State, "text": d.Text}
		})
	case dr.RowFinding, dr.RowObservation:
		return wordsOf(row, "row_"+string(row.Kind), func(d dr.FindingData) dr.Args { return dr.Args{"text": d.Text, "owner": d.Owner} })
	case dr.RowSignOff:
		return wordsOf(row, "row_sign_off", func(d dr.SignOffData) dr.Args { return dr.Args{"text": d.Text} })
	}
	return houseWords(row)
}

// houseWords are rows about the installation rather than a run.
func houseWords(row dr.Row) (string, dr.Args) {
	switch row.Kind {
	case dr.RowInstalled:
		return "row_installed", dr.Args{}
	case dr.RowAnchor:
		return wordsOf(row, "row_anchor", func(d dr.AnchorData) dr.Args {
			return dr.Args{"size": strconv.FormatInt(d.Size, 10), "to": d.To, "why": d.Why}
		})
	case dr.RowTraffic:
		return "row_traffic", dr.Args{}
	case dr.RowCredential:
		id := "row_credential"
		var d dr.CredentialData
		if json.Unmarshal(row.Data, &d) == nil {
			if one := "row_credential_" + d.What; locale.Has(one) {
				id = one
			}
		}
		return wordsOf(row, id, func(d dr.CredentialData) dr.Args {
			return dr.Args{"person": d.Person, "what": d.What, "state": d.State, "id": d.ID}
		})
	case dr.RowKey:
		return "row_key", dr.Args{}
	case dr.RowBlobErased:
		return wordsOf(row, "row_blob_erased", func(d dr.Blob) dr.Args { return dr.Args{"digest": d.Digest, "name": d.Name} })
	case dr.RowOrganisation:
		return "row_organisation", dr.Args{}
	case dr.RowHook:
		var d dr.HookData
		if json.Unmarshal(row.Data, &d) != nil || !locale.Has("row_hook_"+d.Why) {
			return "", nil
		}
		return "row_hook_" + d.Why, dr.Args{"source": d.Source, "times": strconv.Itoa(d.Times)}
	}
	return "", nil
}

// wordsOf reads the row's data; a row that cannot be read is shown by its kind.
func wordsOf[T any](row dr.Row, id string, fill func(T) dr.Args) (string, dr.Args) {
	var d T
	if err := json.Unmarshal(row.Data, &d); err != nil {
		return "", nil
	}
	return id, fill(d)
}

func preflightArgs(d dr.PreflightData) dr.Args {
	failed := []string{}
	for _, c := range d.Checks {
		if !c.OK {
			failed = append(failed, c.ID)
		}
	}
	return dr.Args{"checks": strconv.Itoa(len(d.Checks)), "failed": strconv.Itoa(len(failed)), "which": strings.Join(failed, ", ")}
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
