// Command gen writes the console's sentences, one file per language, out of package locale: every
// id that begins with ui_, waiting_ or term_, and those of answers and situations that it draws itself. Run it from the module root after changing one.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/switchman-dr/switchman/locale"
)

// wanted says which sentences the console shows by itself; all others come worded from the server.
func wanted(id string) bool {
	return strings.HasPrefix(id, "ui_") || strings.HasPrefix(id, "waiting_") || strings.HasPrefix(id, "term_") ||
		strings.HasPrefix(id, "situation_fault_") || strings.HasPrefix(id, "situation_was_") || strings.HasPrefix(id, "situation_of_") || strings.HasPrefix(id, "situation_f_") || strings.HasPrefix(id, "situation_b_") ||
		strings.HasPrefix(id, "answer_stale_") || strings.HasPrefix(id, "answer_trust_") || strings.HasPrefix(id, "answer_b_") ||
		id == "answer_carried" || id == "answer_going" || id == "situation_something"
}

// sentences are the contents of one language's file.
func sentences(lang string) ([]byte, error) {
	out := map[string]string{}
	for _, id := range locale.IDs() {
		if wanted(id) {
			out[id] = locale.Say(lang, id, nil)
		}
	}
	b, err := json.MarshalIndent(out, "", " ") // keys come sorted
	return append(b, '\n'), err
}

func run(dir string) error {
	for _, lang := range []string{locale.English, locale.Chinese} {
		b, err := sentences(lang)
		if err != nil {
			return fmt.Errorf("writing sentences: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, "sentences."+lang+".json"), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := run(filepath.Join("web", "ui", "src", "gen")); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
