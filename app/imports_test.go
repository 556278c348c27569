package app_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/switchman-dr/switchman"

// room is a folder of the house. Who wants a new one gives it a line here and in the picture of
// CONTRIBUTING.md; a folder nobody knows fails the test.
type room struct {
	line int  // may import lower lines only
	sub  bool // of the folder above it, and imported by that and by app only
	test bool // serves tests: may import anything, and no product package imports it
	fake bool // plays the outside world, so effects are its business
}

func house() map[string]room {
	return map[string]room{
		"cmd/switchman":        {line: 6},
		"cmd/switchman/client": {line: 5, sub: true},
		"app":                  {line: 5},
		"demo":                 {line: 5, fake: true},
		"evals/storms":         {line: 5, fake: true}, // days of alerts; the command line measures with them
		"bot/slack":            {line: 4, sub: true},
		"bot/slack/slackfake":  {line: 4, fake: true}, // a workspace for the demo and for tests
		"web":                  {line: 4},
		"web/ui":               {line: 0, sub: true},
		"bot":                  {line: 3},
		"knowledge":            {line: 2},
		"alerts":               {line: 2},
		"alerts/pull":          {line: 1, sub: true},
		"fsm":                  {line: 2},
		"report":               {line: 2},
		"catalog":              {line: 1},
		"actions":              {line: 1},
		"prompts":              {line: 1},
		"llm":                  {line: 1},
		"store":                {line: 1},
		"store/migrations":     {line: 0, sub: true},
		"store/queries":        {line: 0, sub: true},
		"config":               {line: 1},
		"draw":                 {line: 1},
		"knowledge/encoder":    {line: 1, sub: true},
		"approval":             {line: 0},
		"journal":              {line: 0},
		"cast":                 {line: 0},
		"redact":               {line: 0},
		"locale":               {line: 0},
		"data":                 {line: 0},
		"docs":                 {line: 0},
		"dr":                   {line: 0},

		"actions/actionstest":             {test: true},
		"store/storetest":                 {test: true},
		"deploy":                          {test: true},
		"e2e":                             {test: true},
		"e2e/console":                     {test: true},
		"e2e/api":                         {test: true},
		"web/ui/gen":                      {test: true}, // writes the console's sentences; nothing imports it
		"evals":                           {test: true},
		"llm/llmfake":                     {test: true, fake: true},
		"bot/slack/slackfake/serve":       {test: true, fake: true},
		"bot/slack/slackfake/conformance": {test: true, fake: true},
	}
}

// effect is something that reaches outside the process or depends on it, with its only owners.
type effect struct {
	what    string
	owners  []string // rooms, with their sub-rooms
	why     string
	imports []string            // import paths, with everything below them
	names   map[string][]string // import path → selectors
}

func effects() []effect {
	return []effect{
		{what: "a database", owners: []string{"store", "actions"}, why: "one package knows SQL, so that one suite can crash it everywhere",
			imports: []string{"database/sql", "github.com/mattn/go-sqlite3", "github.com/jackc/pgx", "github.com/pressly/goose", "github.com/lib/pq"}},
		{what: "a process or a machine", owners: []string{"actions"}, why: "only the hands move things, under one set of limits and with intent written first",
			imports: []string{"os/exec", "golang.org/x/crypto/ssh", "github.com/creack/pty"},
			names:   map[string][]string{"os": {"StartProcess"}, "syscall": {"Exec", "ForkExec", "StartProcess"}}},
		{what: "Slack", owners: []string{"bot/slack"}, why: "nothing below the edge knows which chat is used", imports: []string{"github.com/slack-go"}},
		{what: "a language model", owners: []string{"llm"}, why: "budgets and the ban on tools hold in one place", imports: []string{"github.com/sashabaranov/go-openai"}},
		{what: "the vector index", owners: []string{"knowledge"}, why: "vectors live in the store; the index is a copy", imports: []string{"github.com/philippgille/chromem-go"}},
		{what: "the table of states", owners: []string{"fsm"}, why: "a run has one life cycle", imports: []string{"github.com/looplab/fsm"}},
		{what: "environment or flags", owners: []string{"config", "cmd/switchman"}, why: "a setting nobody documents is a trap",
			imports: []string{"flag", "github.com/spf13/cobra", "github.com/spf13/pflag"},
			names: map[string][]string{"os": {"Args", "Getenv", "LookupEnv", "Environ", "Setenv", "Unsetenv", "Clearenv", "ExpandEnv"},
				"syscall": {"Getenv", "Environ", "Setenv"}}},
		{what: "the end of the process", owners: []string{"cmd/switchman"}, why: "anything else would skip the clean-ups of app",
			imports: []string{"os/signal"}, names: map[string][]string{"os": {"Exit"}}},
		{what: "a clock", owners: []string{"app"}, why: "tests move time by hand; take a dr.Clock, or a deadline of the context",
			names: map[string][]string{"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}}},
		{what: "an HTTP client", owners: []string{"actions", "llm", "bot/slack", "alerts/pull", "cmd/switchman/client"}, why: "each of them has one constructor with limits, no proxy and no redirects",
			names: map[string][]string{"net/http": {"Client", "Get", "Head", "Post", "PostForm", "NewRequest", "NewRequestWithContext", "DefaultClient", "DefaultTransport", "Transport"}}},
		{what: "an outgoing connection", owners: []string{"actions", "llm", "bot/slack", "alerts/pull", "cmd/switchman/client", "web"}, why: "whoever talks to the outside is named here; web only knocks at its own socket to see whether another server holds it",
			imports: []string{"net/smtp", "net/rpc"},
			names: map[string][]string{
				"net":                          {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialUnix", "DialIP", "Dialer"},
				"github.com/gorilla/websocket": {"Dialer", "DefaultDialer", "NewClient"},
				"crypto/tls":                   {"Dial", "DialWithDialer", "Dialer"}}},
		{what: "a listener", owners: []string{"web"}, why: "one edge checks who is asking; others give handlers to app",
			imports: []string{"net/http/httptest"},
			names: map[string][]string{
				"net/http":   {"Server", "ListenAndServe", "ListenAndServeTLS", "Serve", "ServeTLS"},
				"net":        {"Listen", "ListenConfig", "ListenPacket", "ListenTCP", "ListenUDP", "ListenUnix", "ListenUnixgram", "ListenIP", "ListenMulticastUDP", "FileListener"},
				"crypto/tls": {"Listen", "NewListener"}}},
		{what: "the old logger", why: "log lines are structured; use the slog.Logger you were given", imports: []string{"log"}},
		{what: "a test library", why: "it would be linked into the binary", imports: []string{"testing", "pgregory.net/rapid", "github.com/rogpeppe/go-internal"}},
	}
}

const mostInterfaces = 8

// TestHouse reads every source file of the module and holds it against the rules of the house.
func TestHouse(t *testing.T) {
	tree, err := read(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range tree.judge() {
		t.Error(line)
	}
}

// source is one parsed file.
type source struct {
	name      string // path inside the module
	test      bool
	generated bool
	tree      *ast.File
	imports   map[string]string // local name → import path
}

type tree struct {
	fset  *token.FileSet
	rooms map[string][]source // folder → its files
	wrong []string
}

// read parses the module below a file system, other modules and hidden folders left out.
func read(fsys fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet(), rooms: map[string][]source{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() && name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || slices.Contains([]string{"testdata", "node_modules", "var", "bin"}, base)) {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(t.fset, name, text, parser.ParseComments)
		if err != nil {
			return err
		}
		s := source{name: name, test: strings.HasSuffix(name, "_test.go"), generated: ast.IsGenerated(file), tree: file, imports: map[string]string{}}
		for _, spec := range file.Imports {
			target, _ := strconv.Unquote(spec.Path.Value)
			local := path.Base(target)
			if strings.HasPrefix(local, "v") && strings.Trim(local[1:], "0123456789") == "" {
				local = path.Base(path.Dir(target))
			}
			if spec.Name != nil {
				local = spec.Name.Name
			}
			s.imports[local] = target
		}
		t.rooms[path.Dir(name)] = append(t.rooms[path.Dir(name)], s)
		return nil
	})
	return t, err
}

func (t *tree) blame(at token.Pos, format string, a ...any) {
	p := t.fset.Position(at)
	t.wrong = append(t.wrong, fmt.Sprintf("%s:%d: %s", p.Filename, p.Line, fmt.Sprintf(format, a...)))
}

// judge applies every rule and returns what is wrong, in a fixed order.
func (t *tree) judge() []string {
	known := house()
	interfaces := []string{}
	for _, folder := range slices.Sorted(maps.Keys(t.rooms)) {
		r, ok := known[folder]
		if !ok {
			t.blame(t.rooms[folder][0].tree.Pos(), "nobody knows the folder %s; move the code to whose business it is, or give the folder a line here and in CONTRIBUTING.md", folder)
			continue
		}
		t.packageComment(folder)
		for _, s := range t.rooms[folder] {
			if s.test {
				t.testHabits(s, r)
				continue
			}
			t.neighbours(known, folder, r, s)
			if !r.fake && !r.test {
				t.owners(folder, s)
			}
			t.habits(s)
			if !s.generated && !r.test {
				interfaces = append(interfaces, t.interfaces(s)...)
			}
		}
		t.variables(folder)
	}
	t.reach()
	if len(interfaces) > mostInterfaces {
		t.wrong = append(t.wrong, fmt.Sprintf("%d interfaces, at most %d: declare one where two real implementations are used, otherwise pass a function or a struct: %s",
			len(interfaces), mostInterfaces, strings.Join(interfaces, ", ")))
	}
	return t.wrong
}

// neighbours checks the lines of the house for one file.
func (t *tree) neighbours(known map[string]room, folder string, r room, s source) {
	for _, spec := range s.tree.Imports {
		target, _ := strconv.Unquote(spec.Path.Value)
		if spec.Name != nil && spec.Name.Name == "." {
			t.blame(spec.Pos(), "dot import of %s: readers must see where a name comes from", target)
		}
		to, ours := strings.CutPrefix(target, module+"/")
		if !ours {
			if folder == "dr" && strings.Contains(target, ".") {
				t.blame(spec.Pos(), "dr imports %s, but the vocabulary needs the standard library only", target)
			}
			continue
		}
		other, ok := known[to]
		switch {
		case !ok || r.test:
		case other.test:
			t.blame(spec.Pos(), "%s imports %s, which serves tests and would be linked into the binary", folder, to)
		case other.fake && folder != "cmd/switchman":
			t.blame(spec.Pos(), "%s imports %s, which plays the outside world; only the command line starts it", folder, to)
		case other.sub && folder != path.Dir(to) && folder != "app":
			t.blame(spec.Pos(), "%s imports %s, which is a part of %s and used by that and by app only", folder, to, path.Dir(to))
		case other.line > r.line:
			t.blame(spec.Pos(), "%s (line %d) imports %s (line %d): requests go down, news come back through the journal", folder, r.line, to, other.line)
		case other.line == r.line && to != "dr" && !(other.sub && folder == path.Dir(to)):
			t.blame(spec.Pos(), "%s and %s are on one line (%d): packages of a line never import each other; pass a value through who calls both", folder, to, r.line)
		}
	}
}

// reach forbids the advisers any way to the hands, also around corners.
func (t *tree) reach() {
	for _, from := range []string{"knowledge", "alerts", "llm", "prompts"} {
		for _, to := range []string{"actions", "approval", "fsm"} {
			if way := t.way(from, to, map[string]bool{}); way != nil {
				t.wrong = append(t.wrong, fmt.Sprintf("%s: the model proposes, people dispose: %s must not reach %s", strings.Join(way, " → "), from, to))
			}
		}
	}
}

func (t *tree) way(from, to string, seen map[string]bool) []string {
	if from == to {
		return []string{to}
	}
	if seen[from] {
		return nil
	}
	seen[from] = true
	for _, s := range t.rooms[from] {
		for _, target := range slices.Sorted(maps.Values(s.imports)) {
			next, ours := strings.CutPrefix(target, module+"/")
			if !ours || s.test {
				continue
			}
			if rest := t.way(next, to, seen); rest != nil {
				return append([]string{from}, rest...)
			}
		}
	}
	return nil
}

// owners checks that each effect is reached by its owners only.
func (t *tree) owners(folder string, s source) {
	below := func(name, top string) bool { return name == top || strings.HasPrefix(name, top+"/") }
	owned := func(e effect) bool {
		return slices.ContainsFunc(e.owners, func(o string) bool { return below(folder, o) })
	}
	blame := func(e effect, at token.Pos, name string) {
		who := "only " + strings.Join(e.owners, ", ") + " may reach it"
		if len(e.owners) == 0 {
			who = "nobody may"
		}
		t.blame(at, "%s is %s, and %s: %s", name, e.what, who, e.why)
	}
	for _, e := range effects() {
		if owned(e) {
			continue
		}
		for _, spec := range s.tree.Imports {
			target, _ := strconv.Unquote(spec.Path.Value)
			if slices.ContainsFunc(e.imports, func(i string) bool { return target == i || strings.Contains(i, "/") && below(target, i) }) {
				blame(e, spec.Pos(), target)
			}
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Obj == nil && slices.Contains(e.names[s.imports[x.Name]], sel.Sel.Name) {
					blame(e, sel.Pos(), x.Name+"."+sel.Sel.Name)
				}
			}
			return true
		})
	}
}

// habits checks what reading one file alone can show.
func (t *tree) habits(s source) {
	ast.Inspect(s.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Name.Name == "init" && n.Recv == nil {
				t.blame(n.Pos(), "init() hides order and forbids a second instance; let app call a constructor")
			}
		case *ast.StructType:
			for _, field := range n.Fields.List {
				if sel, ok := field.Type.(*ast.SelectorExpr); ok && sel.Sel.Name == "Context" && fmt.Sprint(sel.X) == "context" {
					t.blame(field.Pos(), "a context in a struct outlives its request; make it the first argument")
				}
			}
		}
		return true
	})
}

// testHabits keeps tests quick and honest. Packages made for tests start real processes, which take
// real time, and play programs that are slow; the others have no reason to sleep.
func (t *tree) testHabits(s source, r room) {
	ast.Inspect(s.tree, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, _ := sel.X.(*ast.Ident)
		switch {
		case x == nil:
		case s.imports[x.Name] == "time" && !r.test && sel.Sel.Name == "Sleep":
			t.blame(sel.Pos(), "a sleeping test is slow or flaky; wait for what happens, or move the clock")
		case (x.Name == "t" || x.Name == "b" || x.Name == "f") && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name):
			t.blame(sel.Pos(), "a skipped test looks like a passed one; name what is missing and fail")
		}
		return true
	})
}

// packageComment asks for the short essay a package opens with.
func (t *tree) packageComment(folder string) {
	files := slices.DeleteFunc(slices.Clone(t.rooms[folder]), func(s source) bool { return s.test || s.generated })
	if len(files) == 0 {
		return
	}
	name := files[0].tree.Name.Name
	opening := "Package " + name
	if name == "main" {
		opening = "Command " + path.Base(folder)
	}
	essays := 0
	for _, s := range files {
		if text := s.tree.Doc.Text(); strings.HasPrefix(text, opening) && len(strings.Fields(text)) >= 25 {
			essays++
		}
	}
	if essays != 1 {
		t.blame(files[0].tree.Pos(), "%s has %d package comments that say in a few sentences, from %q on, what it owns, what it refuses and what always holds; want one", folder, essays, opening)
	}
}

// interfaces lists the interfaces of a file that have methods; sets of types are constraints.
func (t *tree) interfaces(s source) []string {
	var found []string
	ast.Inspect(s.tree, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			if i, ok := spec.Type.(*ast.InterfaceType); ok {
				if slices.ContainsFunc(i.Methods.List, func(f *ast.Field) bool { _, method := f.Type.(*ast.FuncType); return method }) {
					found = append(found, path.Dir(s.name)+"."+spec.Name.Name)
				}
			}
		}
		return true
	})
	return found
}

// compilers make values that nobody can change afterwards.
func compilers() []string {
	return []string{"errors.New", "fmt.Errorf", "dr.Errorf", "dr.Refuse", "regexp.MustCompile", "strings.NewReplacer", "language.MustParse", "language.Make",
		"language.NewMatcher", "reflect.TypeFor", "time.Date", "time.FixedZone", "template.Must", "sync.OnceValue", "sync.OnceValues"}
}

// variables allows package variables that are tables: filled where they are declared and never
// changed. It follows names, not types, so a table that changes itself in a method gets through.
func (t *tree) variables(folder string) {
	tables := map[string]*ast.ValueSpec{}
	for _, s := range t.rooms[folder] {
		if s.test || s.generated {
			continue
		}
		for _, d := range s.tree.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.VAR {
				continue
			}
			for _, sp := range decl.Specs {
				spec := sp.(*ast.ValueSpec)
				embedded := embeds(decl.Doc) || embeds(spec.Doc)
				for i, name := range spec.Names {
					if name.Name == "_" {
						continue
					}
					tables[name.Name] = spec
					if fault := unsteady(spec, i); fault != "" && !embedded {
						t.blame(name.Pos(), "package variable %s %s: state belongs into a struct that app builds", name.Name, fault)
					}
				}
			}
		}
	}
	for _, s := range t.rooms[folder] {
		if !s.test {
			t.changes(s, tables)
		}
	}
}

func embeds(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// unsteady says why a declaration is no table, or "".
func unsteady(spec *ast.ValueSpec, i int) string {
	if i >= len(spec.Values) {
		if len(spec.Values) == 1 {
			return ""
		}
		return "has no value, so somebody must set it"
	}
	v := spec.Values[i]
	if u, ok := v.(*ast.UnaryExpr); ok && u.Op == token.AND {
		if lit, ok := u.X.(*ast.CompositeLit); ok && dotted(lit.Type) == "dr.Error" {
			return ""
		}
		return "is a pointer"
	}
	switch v := v.(type) {
	case *ast.CompositeLit:
		kind := dotted(v.Type)
		if _, isMap := v.Type.(*ast.MapType); isMap && len(v.Elts) == 0 || strings.HasPrefix(kind, "sync.") || strings.HasPrefix(kind, "atomic.") || kind == "bytes.Buffer" || kind == "strings.Builder" {
			return "is empty, so somebody must fill it"
		}
	case *ast.CallExpr:
		return made(v)
	}
	return ""
}

// made judges a variable by the function that makes it.
func made(call *ast.CallExpr) string {
	if method, ok := call.Fun.(*ast.SelectorExpr); ok {
		if first, ok := method.X.(*ast.CallExpr); ok {
			return made(first)
		}
	}
	fun := call.Fun
	if index, ok := fun.(*ast.IndexExpr); ok {
		fun = index.X
	}
	name := dotted(fun)
	switch {
	case name == "make" || name == "new":
		return "is made empty, so somebody must fill it"
	case strings.Contains(name, ".") && !slices.Contains(compilers(), name):
		return "comes from " + name + ", which is not known to make unchanging values"
	}
	return ""
}

// dotted prints a name with its package.
func dotted(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return dotted(e.X) + "." + e.Sel.Name
	}
	return ""
}

// changes finds code that changes a table of its own package.
func (t *tree) changes(s source, tables map[string]*ast.ValueSpec) {
	blame := func(e ast.Expr, how string) {
		if id := root(e); id != nil && tables[id.Name] != nil && (id.Obj == nil || id.Obj.Decl == tables[id.Name]) {
			t.blame(e.Pos(), "package variable %s %s: state belongs into a struct that app builds", id.Name, how)
		}
	}
	ast.Inspect(s.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				if n.Tok != token.DEFINE {
					blame(e, "is assigned")
				}
			}
		case *ast.IncDecStmt:
			blame(n.X, "is counted")
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				blame(n.X, "has its address taken")
			}
		case *ast.CallExpr:
			if len(n.Args) > 0 && slices.Contains([]string{"delete", "clear", "copy", "slices.Sort", "slices.SortFunc", "slices.SortStableFunc", "slices.Reverse", "sort.Strings", "sort.Slice", "maps.Copy"}, dotted(n.Fun)) {
				blame(n.Args[0], "is changed by "+dotted(n.Fun))
			}
		}
		return true
	})
}

// root is the name an expression such as a.b[c] begins with.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// TestRulesBite shows for each rule a small offence, and for each exemption that it holds.
func TestRulesBite(t *testing.T) {
	essay := func(name string) string {
		return "// Package " + name + " owns one thing and says so here in enough words that a reader who has never seen it before knows what it is for, what it refuses, and what always holds.\npackage " + name + "\n"
	}
	use := func(name, imports, body string) fstest.MapFS {
		text := essay(path.Base(name))
		for target := range strings.FieldsSeq(imports) {
			text += "import " + strconv.Quote(strings.Replace(target, "~", module, 1)) + "\n"
		}
		return fstest.MapFS{name + "/x.go": {Data: []byte(text + body)}}
	}
	for _, c := range []struct{ name, room, imports, body, want string }{
		{"upwards", "catalog", "~/fsm", "", "catalog (line 1) imports fsm (line 2)"},
		{"sideways", "catalog", "~/store", "", "catalog and store are on one line (1)"},
		{"sideways at the bottom", "journal", "~/redact", "", "on one line (0)"},
		{"the vocabulary for all", "journal", "~/dr", "", ""},
		{"vocabulary with baggage", "dr", "golang.org/x/text", "", "standard library only"},
		{"down", "fsm", "~/approval ~/catalog ~/store ~/actions ~/dr", "", ""},
		{"a part from elsewhere", "web", "~/store/queries", "", "a part of store"},
		{"a part from its parent", "store", "~/store/queries", "", ""},
		{"a part from app", "app", "~/bot/slack", "", ""},
		{"test helper in the product", "fsm", "~/store/storetest", "", "serves tests"},
		{"demo in the product", "web", "~/demo", "", "plays the outside world"},
		{"demo from the command line", "cmd/switchman", "~/demo", "", ""},
		{"another Slack in the product", "app", "~/bot/slack/slackfake", "", "plays the outside world"},
		{"another Slack in the adapter", "bot/slack", "~/bot/slack/slackfake", "", "plays the outside world"},
		{"another Slack from the command line", "cmd/switchman", "~/bot/slack/slackfake", "", ""},
		{"advisers to the hands", "alerts", "~/actions", "", "alerts → actions: the model proposes"},
		{"a model to the votes", "llm", "~/approval", "", "llm → approval: the model proposes"},
		{"what a model says to the votes", "prompts", "~/approval", "", "prompts → approval: the model proposes"},
		{"answers to the life of a run", "knowledge", "~/fsm", "", "knowledge → fsm: the model proposes"},
		{"unknown folder", "util", "", "", "nobody knows the folder util"},
		{"sql", "fsm", "database/sql", "", "database/sql is a database, and only store, actions may reach it"},
		{"sql in the store", "store", "database/sql", "", ""},
		{"driver below", "web", "github.com/jackc/pgx/v5/stdlib", "", "is a database"},
		{"exec", "catalog", "os/exec", "", "os/exec is a process or a machine"},
		{"exec in the demo", "demo", "os/exec", "", ""},
		{"clock", "fsm", "time", "var _ = 1; func f() any { return time.Now() }", "time.Now is a clock"},
		{"clock without call", "fsm", "time", "type c struct{ now func() time.Time }; func f() c { return c{time.Now} }", "time.Now is a clock"},
		{"duration is no clock", "fsm", "time", "func f() any { return time.Second }", ""},
		{"clock in app", "app", "time", "func f() any { return time.Now() }", ""},
		{"environment", "store", "os", "func f() string { return os.Getenv(\"X\") }", "environment or flags"},
		{"environment in config", "config", "os", "func f() string { return os.Getenv(\"X\") }", ""},
		{"client", "web", "net/http", "func f() any { return &http.Client{} }", "an HTTP client"},
		{"dialling", "fsm", "net", "func f() { net.Dial(\"tcp\", \"\") }", "an outgoing connection"},
		{"client in client", "cmd/switchman/client", "net/http", "func f() any { return &http.Client{} }", ""},
		{"listener", "fsm", "net", "func f() { net.Listen(\"tcp\", \"\") }", "a listener"},
		{"exit", "app", "os", "func f() { os.Exit(1) }", "the end of the process"},
		{"old logger", "app", "log", "", "log is the old logger, and nobody may"},
		{"new logger", "app", "log/slog", "", ""},
		{"test library", "fsm", "testing", "", "would be linked into the binary"},
		{"own name like a package", "fsm", "time", "func f(time struct{ Now int }) any { return time.Now }", ""},
		{"init", "fsm", "", "func init() {}", "init() hides order"},
		{"context in a struct", "fsm", "context", "type t struct { ctx context.Context }", "outlives its request"},
		{"table", "fsm", "", "var table = map[string]int{\"a\": 1}; func f() int { return table[\"a\"] }", ""},
		{"table filled later", "fsm", "", "var table = map[string]int{\"a\": 1}; func f() { table[\"b\"] = 2 }", "table is assigned"},
		{"table shadowed", "fsm", "", "var table = map[string]int{\"a\": 1}; func f() { table := map[string]int{}; table[\"b\"] = 2 }", ""},
		{"table counted", "fsm", "", "var n = 1; func f() { n++ }", "n is counted"},
		{"address", "fsm", "", "var n = 1; func f() *int { return &n }", "address taken"},
		{"sorted", "fsm", "slices", "var n = []int{1}; func f() { slices.Sort(n) }", "changed by slices.Sort"},
		{"empty map", "fsm", "", "var m = map[string]int{}", "is empty"},
		{"made", "fsm", "", "var m = make(chan int)", "made empty"},
		{"no value", "fsm", "", "var m int", "has no value"},
		{"mutex", "fsm", "sync", "var m = sync.Mutex{}", "is empty"},
		{"pointer", "fsm", "", "type s struct{}; var m = &s{}", "is a pointer"},
		{"error", "fsm", "errors ~/dr", "var e = errors.New(\"x\"); var d = &dr.Error{}", ""},
		{"pattern", "fsm", "regexp", "var p = regexp.MustCompile(\"x\")", ""},
		{"metric", "web", "github.com/prometheus/client_golang/prometheus", "var p = prometheus.NewCounter(prometheus.CounterOpts{})", "not known to make unchanging values"},
		{"embedded", "data", "embed", "//go:embed x\nvar files embed.FS", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, use(c.room, c.imports, c.body), c.want)
		})
	}
	t.Run("around a corner", func(t *testing.T) {
		files := use("knowledge", "~/draw", "")
		maps.Copy(files, use("draw", "~/approval", ""))
		expect(t, files, "knowledge → draw → approval")
	})
	t.Run("silent package", func(t *testing.T) {
		expect(t, fstest.MapFS{"fsm/x.go": {Data: []byte("package fsm")}}, "fsm has 0 package comments")
	})
	t.Run("sleeping test", func(t *testing.T) {
		expect(t, fstest.MapFS{"fsm/x_test.go": {Data: []byte("package fsm\nimport \"time\"\nfunc f() { time.Sleep(1) }")}}, "a sleeping test")
	})
	t.Run("skipped test", func(t *testing.T) {
		expect(t, fstest.MapFS{"fsm/x_test.go": {Data: []byte("package fsm\nimport \"testing\"\nfunc TestX(t *testing.T) { t.Skip() }")}}, "a skipped test")
	})
	t.Run("too many interfaces", func(t *testing.T) {
		var body strings.Builder
		for i := range mostInterfaces + 1 {
			fmt.Fprintf(&body, "type i%d interface{ Do() }\n", i)
		}
		expect(t, use("fsm", "", body.String()), "9 interfaces, at most 8")
		expect(t, use("fsm", "", "type number interface{ ~int | ~int64 }"), "")
	})
}

func expect(t *testing.T, files fstest.MapFS, want string) {
	t.Helper()
	tree, err := read(files)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(tree.judge(), "\n"); want == "" && got != "" || !strings.Contains(got, want) {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
