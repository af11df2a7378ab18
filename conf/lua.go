package conf

import "strings"

// isLua reports whether the block of a directive is Lua: what is in it are no words of nginx's, and its braces count only outside
// of its strings and comments.
func isLua(name string) bool { return strings.HasSuffix(name, "_by_lua_block") }

// skipLua moves behind the "}" that ends a block of Lua, whose "{" was read. Where it does not end, nothing is skipped.
func (l *lexer) skipLua() (end int, ok bool) {
	depth := 1
	for i := l.pos; i < len(l.src); {
		rest := l.src[i:]
		switch c := rest[0]; {
		case strings.HasPrefix(rest, "--[["):
			i += afterLua(rest, 4, "]]")
		case strings.HasPrefix(rest, "--"):
			i += afterLua(rest, 2, "\n")
		case strings.HasPrefix(rest, "[["):
			i += afterLua(rest, 2, "]]")
		case c == '"' || c == '\'':
			i += quotedLua(rest)
		case c == '{':
			depth++
			i++
		case c == '}':
			if depth--; depth == 0 {
				l.pos = i + 1
				return i, true
			}
			i++
		default:
			i++
		}
	}
	return 0, false
}

// afterLua is where s goes on after the mark that ends what began before from.
func afterLua(s string, from int, mark string) int {
	n := strings.Index(s[from:], mark)
	if n < 0 {
		return len(s)
	}
	return from + n + len(mark)
}

// quotedLua is the length of the quoted string that s begins with.
func quotedLua(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i + 1
		}
	}
	return len(s)
}
