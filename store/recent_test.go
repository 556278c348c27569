package store

import (
	"reflect"
	"slices"
	"testing"

	"github.com/switchman-dr/switchman/dr"
)

// TestCloneDetailKnowsEveryReference: a field that is shared between readings would let one
// transaction change what another reads.
func TestCloneDetailKnowsEveryReference(t *testing.T) {
	// Round, Codes and Checks are not part of the detail.
	known := []string{"Force", "Force.Systems", "Overrides", "Systems", "Round.Votes", "Codes", "Checks"}
	var walk func(prefix string, v reflect.Type)
	walk = func(prefix string, v reflect.Type) {
		for _, f := range reflect.VisibleFields(v) {
			name, ft := prefix+f.Name, f.Type
			switch ft.Kind() {
			case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
				if !slices.Contains(known, name) {
					t.Errorf("dr.Run has a new reference %s: copy it in cloneDetail and name it here", name)
				}
				if ft.Kind() != reflect.Interface && ft.Elem().Kind() == reflect.Struct && ft.Elem() != reflect.TypeFor[dr.Time]() {
					walk(name+".", ft.Elem())
				}
			case reflect.Struct:
				if ft != reflect.TypeFor[dr.Time]() {
					walk(name+".", ft)
				}
			}
		}
	}
	known = append(known, "Codes.Salt", "Codes.Hash")
	walk("", reflect.TypeFor[dr.Run]())
}

func TestDetailsAreCopies(t *testing.T) {
	var d details
	const detail = `{"systems":[{"id":"ledger"}],"overrides":[{"check":"a"}],"force":{"systems":["ledger"]}}`
	for range 3 {
		run, err := d.read(detail)
		if err != nil || run.Systems[0].ID != "ledger" || run.Overrides[0].Check != "a" || run.Force.Systems[0] != "ledger" || run.Force.Reason != "" {
			t.Fatalf("read %+v, %v", run, err)
		}
		run.Systems[0].ID, run.Overrides[0].Check, run.Force.Systems[0], run.Force.Reason = "x", "x", "x", "x"
	}
}
