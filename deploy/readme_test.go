package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// commandWord is a word of a command's name; arguments in the README are capitals, flags or quoted.
var commandWord = regexp.MustCompile(`^[a-z]+$`)

// plans of the sample bank are the only arguments that look like words of a name.
var planName = regexp.MustCompile(`^bank-[a-z]+$`)

// readmeCommands asks the binary for help on every command that the README shows, so that the first
// thing somebody types works.
func readmeCommands(t *testing.T, binary string) {
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "switchman" {
			continue
		}
		seen++
		name := 1
		for name < len(words) && commandWord.MatchString(words[name]) && !planName.MatchString(words[name]) {
			name++
		}
		out, err := exec.CommandContext(t.Context(), binary, append(words[1:name:name], "--help")...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), strings.Join(words[:name], " ")) {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
		for _, word := range words[name:] {
			if strings.HasPrefix(word, "--") && !strings.Contains(string(out), word) {
				t.Errorf("%s: its help does not know %s", line, word)
			}
		}
	}
	if seen < 5 {
		t.Errorf("found %d commands only", seen)
	}
}

// version checks that the number given to the build arrives in the binary.
func version(t *testing.T, binary, want string) {
	out, err := exec.CommandContext(t.Context(), binary, "version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), " "+want+" ") {
		t.Errorf("%v: %s does not say %s", err, out, want)
	}
}
