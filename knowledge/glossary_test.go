package knowledge

import (
	"slices"
	"strings"
	"testing"
)

// TestGlossary: of words that overlap the longest is meant, by whatever ending, and the pairs of signs that
// lie across the borders of Chinese words are no words.
func TestGlossary(t *testing.T) {
	g := readGlossary("# remark\nstandby, replica | 备库, 从库\nlibrary | 库\nrun out, expire | 过期 # remark\nrun | 运行\n")
	for text, want := range map[string]string{
		"the Replicas ran": "replica",
		"it runs out":      "run out",
		"it runs":          "run",
		"备库已过期":            "备库 过期",
		"":                 "",
		"nothing of it":    "",
	} {
		heard, borders := g.heard(text)
		var got []string
		for _, s := range heard {
			w := g.senses[s.sense].ways[s.way]
			if w.script == han {
				got = append(got, w.text)
			} else {
				got = append(got, map[string]string{"replica": "replica", "run": "run", "run out": "run out"}[strings.Join(w.stems, " ")])
			}
		}
		if strings.Join(got, " ") != want || borders["备库"] || strings.Contains(text, "备库") != borders["库已"] {
			t.Errorf("%q: heard %q, want %q; borders %v", text, got, want, borders)
		}
	}
}

// TestTheGlossary: every meaning of the file is said in both languages, by words that can be looked for.
func TestTheGlossary(t *testing.T) {
	for _, s := range theGlossary().senses {
		var of [2]int
		for _, w := range s.ways {
			of[w.script]++
			if len(w.forms) == 0 && w.script == han {
				t.Errorf("%v can never be found", w)
			}
		}
		if of[latin] == 0 || of[han] == 0 {
			t.Errorf("%v is in one language only", s.ways)
		}
	}
}

// TestOtherWords: words alone find what is written in the other language, and
// what is hidden gives no word away.
func TestOtherWords(t *testing.T) {
	x := indexed(t, Options{}, map[string]string{
		"a.md": "# Certificate\n\nThe certificate expires.\n", "b.md": "# Backup\n\nRestore the backup.\n",
		"c.md": "# 队列积压\n\n消息堆积在队列里。\n", "d.md": "---\naudience: role:admin\n---\n# Firewall\n\nThe firewall.\n",
	})
	for text, want := range map[string]string{"证书到期了": "a.md", "还原备份": "b.md", "the backlog of messages": "c.md", "防火墙": ""} {
		if got := found(t, x, staff(text)); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q: found %q, want %q first", text, got, want)
		}
	}
	a := x.view(x.current.Load(), []string{Internal}).ask(staff("防火墙"))
	if slices.ContainsFunc(a.needs, func(n need) bool { return !n.strange() }) {
		t.Errorf("a hidden word is known: %+v", a.needs)
	}
}
