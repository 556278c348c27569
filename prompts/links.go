package prompts

import (
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"

	"github.com/switchman-dr/switchman/redact"
)

// waysToLink are patterns of links, each with the signs that one of must be there.
var waysToLink = []struct {
	signs string
	expr  *regexp.Regexp
}{
	{":%", regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]{0,20}(?::|%3a|\[:\])(?://|\\\\|%2f%2f)\S*`)},
	{":", regexp.MustCompile(`(?i)\b(?:javascript|vbscript|data|mailto|tel|sms|blob|intent|slack|vscode|ms-[a-z]+):[^\s/]\S*`)},
	{"w", regexp.MustCompile(`(?i)\bwww\d?\.\S+`)},
	{"/", regexp.MustCompile(`(?:^|[\s("'=<\[])//[\pL\pN]\S*`)},
	{"[({点", regexp.MustCompile(`(?i)[\pL\pN-]+\s?(?:\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)|\s点\s)\s?[\pL\pN-]+\S*`)},
	{".", regexp.MustCompile(`\p{Han}+\.\p{Han}{2,}`)},
	{"]", regexp.MustCompile(`\]\s?\([^)\s]|\]\s?\[[^\]]*\]|(?m)^\s*\[[^\]]+\]:\s`)},
	{"dD", regexp.MustCompile(`(?i)[\pL\pN-]+\sdot\s(?:com|net|org|io|cn|dev|co)\b`)},
}

var (
	dotted  = regexp.MustCompile(`[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+`)
	foreign = regexp.MustCompile(`[\pL\pN_-]+(?:\.[\pL\pN_-]+)+`)
	picture = regexp.MustCompile(`!\s?\[`)
	mention = regexp.MustCompile(`(?i)<[!@#][^>]*>?|(?:^|[^\w.])@(?:channel|here|everyone|all)\b|@(?:所有人|全体成员)`)
	tag     = regexp.MustCompile(`(?i)</?[a-z][a-z0-9:-]*(?:[\s/][^>]*)?>?|<!--`)
	holder  = regexp.MustCompile(`(?i)\A<[a-z][a-z0-9_-]*>\z`)
)

// files end in words that are also countries; a script is not an address.
var fileEnds = []string{"sh", "py", "md", "rs", "pl", "cc", "so", "ps", "zip", "mo", "cf"}

// labelDomains begin names of labels, which are in every manifest.
var labelDomains = []string{"kubernetes.io", "k8s.io"}

// htmlNames are elements that do something where they are drawn.
var htmlNames = []string{"a", "img", "script", "iframe", "svg", "style", "link", "meta", "form", "input", "object", "embed", "video", "audio", "body", "html", "base", "details", "marquee", "button", "textarea", "select", "source", "picture", "frame", "math", "template", "area", "map", "table", "p", "div", "span", "b", "i", "br", "hr", "h1", "ul", "li"}

// linked reports whether a text has a link or anything that a chat or a browser makes one of, in any of
// the ways it can be written.
func linked(text string, own []string) bool {
	for _, t := range readings(text) {
		if len(links(t, own)) > 0 {
			return true
		}
	}
	return false
}

// readings are a text as it stands and as programs along the way may decode it.
func readings(text string) []string {
	all := []string{text}
	add := func(t string) {
		if !slices.Contains(all, t) {
			all = append(all, t)
		}
	}
	add(redact.Safe(text))
	add(norm.NFKC.String(redact.Safe(text)))
	add(html.UnescapeString(text))
	if t, err := url.PathUnescape(text); err == nil {
		add(t)
	}
	return all
}

// links finds the links of a text and the addresses that would become some, in order. Names below own
// domains are none as long as they stand alone.
func links(text string, own []string) [][2]int {
	var spans [][2]int
	for _, w := range waysToLink {
		if !strings.ContainsAny(text, w.signs) {
			continue
		}
		for _, loc := range w.expr.FindAllStringIndex(text, -1) {
			spans = append(spans, [2]int{loc[0], loc[1]})
		}
	}
	for _, re := range []*regexp.Regexp{dotted, foreign} {
		if !strings.Contains(text, ".") {
			break
		}
		for _, loc := range re.FindAllStringIndex(text, -1) {
			if public(text[loc[0]:loc[1]], text[loc[1]:], own) {
				spans = append(spans, [2]int{loc[0], loc[1]})
			}
		}
	}
	slices.SortFunc(spans, func(a, b [2]int) int { return a[0] - b[0] })
	return spans
}

// public reports whether a name with dots is one of the public internet, which chats turn into links. A
// function (os.exit()), a file (failover.sh) and a name inside the house (db1.east.example) are not.
func public(name, after string, own []string) bool {
	name = strings.Trim(strings.ToLower(name), "-_.")
	for _, domain := range slices.Concat(own, labelDomains) {
		if name == domain || strings.HasSuffix(name, "."+domain) {
			return false
		}
	}
	end := name[strings.LastIndexByte(name, '.')+1:]
	suffix, official := publicsuffix.PublicSuffix(name)
	if !official || suffix == name || strings.HasPrefix(after, "(") {
		return false
	}
	return !slices.Contains(fileEnds, end) || strings.HasPrefix(after, "/")
}

// markedUp reports pictures, HTML and mentions. A placeholder such as <node> is none.
func markedUp(text string) bool {
	for _, t := range readings(text) {
		if strings.Contains(t, "!") && picture.MatchString(t) || strings.ContainsAny(t, "<@") && mention.MatchString(t) {
			return true
		}
		if !strings.Contains(t, "<") {
			continue
		}
		for _, found := range tag.FindAllString(t, -1) {
			name := strings.ToLower(strings.Trim(found, "<>/"))
			if !holder.MatchString(found) || slices.Contains(htmlNames, name) {
				return true
			}
		}
	}
	return false
}
