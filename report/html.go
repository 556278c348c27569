package report

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/draw"
	"github.com/switchman-dr/switchman/locale"
)

//go:embed assets/*.gohtml assets/page.css assets/page.js assets/asciinema-player
var assets embed.FS

// HTML is the report as one file for people: it loads nothing, reads without scripts, prints, and plays
// its recordings. Same model, language and evidence: same bytes. blob opens kept evidence by digest and
// is asked only for what is shown inside the page.
//
// Whatever people, targets or programs wrote is shown as text. Characters that nobody sees, or that turn
// the order of others, are shown by their number.
func HTML(m *Model, lang string, blob func(digest string) (io.ReadCloser, error)) ([]byte, error) {
	lang = locale.Language(lang)
	kept, err := keep(m, blob)
	if err != nil {
		return nil, err
	}
	p, err := newPage(m, lang, kept)
	if err != nil {
		return nil, err
	}
	body, err := p.body()
	if err != nil {
		return nil, err
	}
	return p.assemble(visible(body))
}

// body fills the templates.
func (p *page) body() ([]byte, error) {
	t, err := template.New("page").Funcs(p.funcs()).ParseFS(assets, "assets/*.gohtml")
	if err != nil {
		return nil, fmt.Errorf("reading report page: %w", err)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "page", p); err != nil {
		return nil, fmt.Errorf("writing report page: %w", err)
	}
	return b.Bytes(), nil
}

// assemble puts styles and scripts around the body, and a policy that allows exactly these and no load
// from anywhere.
func (p *page) assemble(body []byte) ([]byte, error) {
	style, err := p.style()
	if err != nil {
		return nil, err
	}
	scripts, err := p.scripts()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	title := visible([]byte(html.EscapeString(p.say("doc_title", "run", p.Main().ID, "organisation", p.M.Name))))
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=%q>\n<head>\n<meta charset=\"utf-8\">\n", p.tag())
	fmt.Fprintf(&b, "<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n", policy([]string{style, draw.TimelineStyle}, scripts))
	b.WriteString("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n<link rel=\"icon\" href=\"data:,\">\n")
	fmt.Fprintf(&b, "<title>%s</title>\n<style>%s</style>\n</head>\n", title, style)
	b.Write(body)
	data, err := p.castData()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, "<script type=\"application/json\" id=\"recordings\">%s</script>\n", data)
	for _, s := range scripts {
		fmt.Fprintf(&b, "<script>%s</script>\n", s)
	}
	b.WriteString("</body>\n</html>\n")
	return b.Bytes(), nil
}

// style is the page's own style sheet, the player's when there is something to play, and what stands in the margins of printed pages.
func (p *page) style() (string, error) {
	own, err := assets.ReadFile("assets/page.css")
	if err != nil {
		return "", fmt.Errorf("reading style of report: %w", err)
	}
	all := string(own)
	if len(p.kept.casts) > 0 {
		player, err := assets.ReadFile("assets/asciinema-player/asciinema-player.css")
		if err != nil {
			return "", fmt.Errorf("reading style of player: %w", err)
		}
		all = string(player) + all
	}
	return all + fmt.Sprintf("\n@page{@top-left{content:\"%s\"}@top-right{content:\"%s\"}@bottom-left{content:\"%s\"}}\n",
		cssString(p.M.Name), cssString(p.Watermark()), cssString(p.Imprint())), nil
}

// scripts are the player with its licence, when there is something to play, and the page's own.
func (p *page) scripts() ([]string, error) {
	names := []string{"assets/page.js"}
	if len(p.kept.casts) > 0 {
		names = []string{"assets/asciinema-player/LICENSE", "assets/asciinema-player/asciinema-player.min.js", "assets/page.js"}
	}
	var out []string
	for _, name := range names {
		raw, err := assets.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading script of report: %w", err)
		}
		text := string(raw)
		if strings.HasSuffix(name, "LICENSE") {
			text = "/* asciinema-player 3.18.0\n" + text + "*/"
		}
		if strings.Contains(strings.ToLower(text), "</script") || strings.Contains(text, "<!--") {
			return nil, fmt.Errorf("reading script of report: %s cannot stand inside a page", name)
		}
		out = append(out, text)
	}
	return out, nil
}

// policy allows the styles and scripts of this page by their hashes, pictures inside it, and the player's WebAssembly.
func policy(styles, scripts []string) string {
	hashes := func(texts []string) string {
		var out []string
		for _, t := range texts {
			sum := sha256.Sum256([]byte(t))
			out = append(out, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
		}
		return strings.Join(out, " ")
	}
	return "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src " + hashes(styles) +
		"; script-src 'wasm-unsafe-eval' " + hashes(scripts)
}

// castData is the recordings by digest. Base64 and hex cannot end a script element.
func (p *page) castData() (string, error) {
	all := map[string]string{}
	for digest, raw := range p.kept.casts {
		all[digest] = base64.StdEncoding.EncodeToString(raw)
	}
	out, err := json.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("writing recordings of report: %w", err)
	}
	return string(out), nil
}

// cssString escapes text for a quoted string of a style sheet. Blanks too: one behind an escape would be
// taken for its end.
func cssString(s string) string {
	var b strings.Builder
	for _, r := range string(visible([]byte(s))) {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '.' || r == '-' || r == ',' {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, "\\%06x", r)
	}
	return b.String()
}

// sortedKeys makes a walk through a map the same every time.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
