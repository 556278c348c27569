package actions

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// parseConninfo reads libpq's name = 'value' pairs. Errors quote nothing: there may be a password in it.
func parseConninfo(text string) (map[string]string, error) {
	out := map[string]string{}
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		return nil, errors.New("its primary_conninfo is a URI; write it as name=value pairs, so that host and port can be changed")
	}
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		name, after, ok := strings.Cut(rest, "=")
		if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(name, " \t\n'\\") {
			return nil, errors.New("its primary_conninfo is not readable")
		}
		after = strings.TrimLeft(after, " \t\r\n")
		v, n, ok := conninfoValue(after)
		if !ok {
			return nil, errors.New("its primary_conninfo is not readable")
		}
		out[name], rest = v, after[n:]
	}
	return out, nil
}

// conninfoValue reads one value, in quotation marks or up to white space, and says how long it was.
func conninfoValue(text string) (value string, n int, ok bool) {
	quoted := strings.HasPrefix(text, "'")
	if quoted {
		n = 1
	}
	var v strings.Builder
	for ; n < len(text); n++ {
		switch c := text[n]; {
		case quoted && c == '\'':
			return v.String(), n + 1, true
		case !quoted && strings.IndexByte(" \t\r\n", c) >= 0:
			return v.String(), n, true
		case c == '\\' && n+1 < len(text):
			n++
		}
		v.WriteByte(text[n])
	}
	return v.String(), n, !quoted
}

// conninfo writes them, sorted.
func conninfo(settings map[string]string) string {
	out := make([]string, 0, len(settings))
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		out = append(out, name+"='"+strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(settings[name])+"'")
	}
	return strings.Join(out, " ")
}
