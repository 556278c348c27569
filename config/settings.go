package config

import (
	"reflect"
	"strings"
)

// prefix begins the name of every variable that is ours.
const prefix = "SWITCHMAN_"

// fileVariable names the settings file. It is a variable and a flag only: a file cannot name itself.
const fileVariable = prefix + "CONFIG"

// testVariables belong to the project's own test suite, whose child processes inherit them.
func testVariable(name string) bool {
	return strings.HasPrefix(name, prefix+"SOAK") || strings.HasPrefix(name, prefix+"TEST_") || strings.HasPrefix(name, prefix+"EVAL_")
}

// setting is one field of Config as its tags describe it.
type setting struct {
	Name    string // in the file: state_dir
	Env     string // in the environment: SWITCHMAN_STATE_DIR
	Group   string
	Default string
	OneOf   []string
	Min     string
	Max     string
	Doc     string
	Secret  bool
	index   int
}

// settings reads the tags of Config, in the order of the struct.
func settings() []setting {
	var all []setting
	group := ""
	t := reflect.TypeFor[Config]()
	for i := range t.NumField() {
		field := t.Field(i)
		env, ok := field.Tag.Lookup("env")
		if !ok {
			continue
		}
		if g := field.Tag.Get("group"); g != "" {
			group = g
		}
		s := setting{
			Name:    strings.ToLower(strings.TrimPrefix(env, prefix)),
			Env:     env,
			Group:   group,
			Default: field.Tag.Get("default"),
			Min:     field.Tag.Get("min"),
			Max:     field.Tag.Get("max"),
			Doc:     field.Tag.Get("doc"),
			Secret:  field.Type == reflect.TypeFor[Secret](),
			index:   i,
		}
		if names, ok := field.Tag.Lookup("one_of"); ok {
			s.OneOf = strings.Split(names, ",")
		}
		all = append(all, s)
	}
	return all
}

// fileKey is the twin that names a file with the secret in it.
func (s setting) fileKey() string { return s.Name + "_file" }

// fileEnv is the twin in the environment.
func (s setting) fileEnv() string { return s.Env + "_FILE" }

// nearest is the known name with the fewest typing slips, or "" when none comes close.
func nearest(name string, known []string) string {
	bare := strings.TrimPrefix(name, prefix)
	best, bestSlips := "", 1+len(bare)/4
	for _, k := range known {
		if d := slips(bare, strings.TrimPrefix(k, prefix)); d <= bestSlips && (best == "" || d < bestSlips) {
			best, bestSlips = k, d
		}
	}
	return best
}

// slips counts letters added, left out, changed or swapped with their neighbour.
func slips(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
