package web

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

// situationWordsOf names the sentence for a milestone of a situation and fills its holes.
func situationWordsOf(lang string, row dr.Row) (string, dr.Args) {
	var d dr.SituationData
	if json.Unmarshal(row.Data, &d) != nil {
		return "", nil
	}
	id := "row_situation_" + d.Event
	switch {
	case d.Event == "advised" && d.Fault == dr.FaultUnprotected:
		id = "row_situation_expected"
	case d.Event == "advised":
		id = "row_situation_" + string(d.Verdict)
	case d.Event == "quiet" && (d.Verdict == dr.Recommend || d.Verdict == dr.Possible):
		id = "row_situation_quiet_withdrawn"
	case d.Event == "answered" && d.Answer == "":
		id = "row_situation_answer_back"
	}
	if !locale.Has(id) {
		return "", nil
	}
	return id, dr.Args{"id": d.ID, "what": brokenWords(lang, d.Entity, d.Fault), "plan": d.Plan, "percent": strconv.Itoa(int(d.Confidence * 100)), "others": strings.Join(d.Others, ", ")}
}

// brokenWords says what is wrong with what.
func brokenWords(lang string, what dr.Entity, fault dr.Fault) string {
	id := "situation_of_" + what.Scope
	switch {
	case what.ID == "":
		id = "situation_something"
	case !locale.Has(id):
		id = "situation_of_other"
	}
	return locale.Say(lang, "situation_fault_"+string(cmp.Or(fault, dr.FaultUnknown)), dr.Args{"what": locale.Say(lang, id, dr.Args{"id": what.ID})})
}
