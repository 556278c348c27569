package actions_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/dr"
)

// Eyes hold functions that look. Whoever adds a field through which a Do could be reached has to explain it here.
func TestEyesCannotAct(t *testing.T) {
	eyes := reflect.TypeFor[actions.Eyes]()
	for i := range eyes.NumMethod() {
		if m := eyes.Method(i); m.Name != "Look" {
			t.Errorf("eyes have a method %s", m.Name)
		}
	}
	act := reflect.TypeFor[actions.Action]()
	var reaches func(reflect.Type, int) bool
	reaches = func(typ reflect.Type, depth int) bool {
		if depth > 6 {
			return false
		}
		if _, does := typ.MethodByName("Do"); does || typ.Implements(act) {
			return true
		}
		switch typ.Kind() {
		case reflect.Map, reflect.Pointer, reflect.Slice:
			return reaches(typ.Elem(), depth+1)
		case reflect.Struct:
			for i := range typ.NumField() {
				if reaches(typ.Field(i).Type, depth+1) {
					return true
				}
			}
		}
		return false
	}
	if reaches(eyes, 0) {
		t.Error("eyes hold something that can act")
	}
	if !reaches(reflect.TypeFor[actions.Hands](), 0) {
		t.Error("this test sees nothing: hands must be found acting")
	}
}

func TestSpecs(t *testing.T) {
	var got []string
	for _, s := range actions.Specs() {
		got = append(got, s.Name)
		if a, ok := plainSet(t).Action(s.Name); !ok || a.Spec().Name != s.Name {
			t.Errorf("no action %s", s.Name)
		}
	}
	if want := []string{"exec", "ssh", "http", "postgres", "wait", "manual", "check", "reconcile", "notify"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	specs := actions.Specs()
	specs[0].Params[0].Name = "changed"
	if actions.Specs()[0].Params[0].Name == "changed" {
		t.Error("a spec can be changed from outside")
	}
}

func TestUnknownActions(t *testing.T) {
	set := actions.NewSet(actions.Options{Clock: realClock()})
	if r := set.Hands().Do(t.Context(), job("t", "nope", nil)); r.State != dr.StepFail {
		t.Errorf("%+v", r)
	}
	if s := set.Eyes().Look(t.Context(), job("t", "nope", nil)); s.Found != dr.FoundInconclusive {
		t.Errorf("%+v", s)
	}
}
