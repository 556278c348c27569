package ui

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/locale"
)

// tools are the build's node modules, as the lock file names them.
func tools(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("node_modules/.package-lock.json"); err == nil {
		return
	}
	node(t, "npm", "ci")
}

func node(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// What is embedded is what the sources beside it give, byte for byte.
func TestDistIsTheBuild(t *testing.T) {
	tools(t)
	dir := t.TempDir()
	node(t, "npx", "vite", "build", "--logLevel", "warn", "--outDir", dir, "--emptyOutDir")
	built, embedded := contents(t, os.DirFS(dir)), contents(t, Files())
	for name, b := range built {
		if !bytes.Equal(b, embedded[name]) {
			t.Errorf("%s is not what the sources give; build again: (cd web/ui && npx vite build)", name)
		}
	}
	for name := range embedded {
		if built[name] == nil {
			t.Errorf("%s is embedded and no longer built", name)
		}
	}
}

func contents(t *testing.T, files fs.FS) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		out[path], err = fs.ReadFile(files, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The client's types are those of the API's description.
func TestClientIsTheDescription(t *testing.T) {
	tools(t)
	file := filepath.Join(t.TempDir(), "api.ts")
	node(t, "npx", "openapi-typescript", "../../docs/openapi.yaml", "-o", file)
	same(t, file, "src/gen/api.ts")
}

func same(t *testing.T, made, kept string) {
	t.Helper()
	a, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("%s is out of date; see .ci/generate", kept)
	}
}

// The sentences the browser loads are those of locale.
func TestSentencesAreLocales(t *testing.T) {
	for _, lang := range []string{locale.English, locale.Chinese} {
		b, err := os.ReadFile("src/gen/sentences." + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var kept map[string]string
		if err := json.Unmarshal(b, &kept); err != nil {
			t.Fatal(err)
		}
		for _, id := range locale.IDs() {
			// What a run waits for and our words are named by the server, so all of them have to be there.
			whole := strings.HasPrefix(id, "ui_") || strings.HasPrefix(id, "waiting_") || strings.HasPrefix(id, "term_")
			if _, loaded := kept[id]; (whole || loaded) && kept[id] != locale.Say(lang, id, nil) {
				t.Errorf("%s in %s is out of date: go run ./web/ui/gen", id, lang)
			}
		}
	}
}

var (
	said     = regexp.MustCompile(`\bt\("([a-z_0-9]+)"( \+)?`)
	quoted   = regexp.MustCompile(`"([a-z_0-9]+)"`)
	saying   = regexp.MustCompile(`\bsay\(.*`)
	saidFull = regexp.MustCompile(`\bsay\("([a-z_0-9]+)"( \+)?`)
	anything = regexp.MustCompile(`\bt\([a-z][^"]*[ (]`)
)

// Every sentence the sources ask for exists, and every sentence of the console is asked for.
func TestEverySentenceIsSaid(t *testing.T) {
	asked, prefixes, words := map[string]bool{}, []string{}, map[string]bool{}
	err := filepath.WalkDir("src", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, filepath.Join("src", "gen")) {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range said.FindAllSubmatch(b, -1) {
			if len(m[2]) > 0 || bytes.HasSuffix(m[1], []byte("_")) {
				prefixes = append(prefixes, "ui_"+string(m[1]))
				continue
			}
			asked["ui_"+string(m[1])] = true
		}
		if anything.Match(b) || bytes.Contains(b, []byte("t(name)")) {
			for _, m := range quoted.FindAllSubmatch(b, -1) {
				words["ui_"+string(m[1])] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for id := range asked {
		if !locale.Has(id) {
			t.Errorf("%s has no sentence in locale/sentences/console.yaml", id)
		}
	}
	for _, id := range locale.IDs() {
		used := !strings.HasPrefix(id, "ui_") || asked[id] || words[id]
		for _, p := range prefixes {
			used = used || strings.HasPrefix(id, p)
		}
		if !used {
			t.Errorf("%s is said nowhere in the console", id)
		}
	}
}

// Sentences under their whole id, say("answer_carried"), are in the files a browser loads: one that is not
// there is shown as its id. The files hold a choice of locale's, made in gen.
func TestWhatIsSaidByItsWholeIDIsLoaded(t *testing.T) {
	b, err := os.ReadFile("src/gen/sentences.en.json")
	if err != nil {
		t.Fatal(err)
	}
	var loaded map[string]string
	if err := json.Unmarshal(b, &loaded); err != nil {
		t.Fatal(err)
	}
	found := 0
	err = filepath.WalkDir("src", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, filepath.Join("src", "gen")) {
			return err
		}
		b, err := os.ReadFile(path)
		for _, id := range unloaded(string(b), loaded) {
			t.Errorf("%s says %s, which web/ui/gen does not put into the console's sentences", path, id)
		}
		found += len(saidFull.FindAll(b, -1))
		return err
	})
	if err != nil || found == 0 {
		t.Fatalf("%d sentences are said by their whole id: %v", found, err)
	}
	for source, want := range map[string]string{
		`{say("answer_nobody_wrote")}`: "answer_nobody_wrote", `{say("report_" + x)}`: "report_", `{say("answer_trust_" + x)}`: "", `{say("waiting_code")}`: "",
		`say(has(id) ? id : "situation_of_other")`: "", `say(ok ? id : "facts_stale")`: "facts_stale",
	} {
		if got := strings.Join(unloaded(source, loaded), " "); got != want {
			t.Errorf("%s: not loaded: %q, want %q", source, got, want)
		}
	}
}

// unloaded names what a source says by its whole id, or by the beginning of one, and a browser has not loaded.
func unloaded(source string, loaded map[string]string) (out []string) {
	for _, m := range saidFull.FindAllStringSubmatch(source, -1) {
		id, ok := m[1], false
		for have := range loaded {
			ok = ok || have == id || (m[2] != "" && strings.HasPrefix(have, id))
		}
		if !ok {
			out = append(out, id)
		}
	}
	for _, line := range saying.FindAllString(source, -1) { // the second choice of say(a ? b : "c")
		for _, m := range quoted.FindAllStringSubmatch(line, -1) {
			if _, ok := loaded[m[1]]; !ok && locale.Has(m[1]) && !slices.Contains(out, m[1]) {
				out = append(out, m[1])
			}
		}
	}
	return out
}

// What a browser loads before it shows the first room stays small; rooms and the player come later.
func TestFirstLoadIsSmall(t *testing.T) {
	const most = 100 << 10
	total := 0
	name := regexp.MustCompile(`^assets/(index|api|sentences\.(en|zh)|[a-z]+\.svelte|[A-Z][A-Za-z]+|format|board|verbs|legacy)-[^/]+\.(js|css)$`)
	for file, b := range contents(t, Files()) {
		if file != "index.html" && !name.MatchString(file) || strings.HasPrefix(file, "assets/sentences.zh") {
			continue
		}
		var z bytes.Buffer
		w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression)
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		total += z.Len()
	}
	if total > most {
		t.Errorf("everything but the player and one language weighs %d bytes compressed, more than %d", total, most)
	}
	t.Logf("all rooms and one language: %d bytes compressed", total)
}
