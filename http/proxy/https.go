package proxy

import (
	"strings"

	"weir/conf"
	"weir/http"
)

// warnOfHTTPS says at load what could only fail later: that the variable which begins the URL of a proxy_pass is given an https
// address somewhere. Which of its values a request has is not known before.
func warnOfHTTPS(call *conf.Call, url string) {
	name := beginning(url)
	if name == "" {
		return
	}
	if value := http.Of[httpsValues](http.Env(call)).of(call.Tree(), name); value != nil {
		at := call.Tree().Position(value.Pos)
		call.Warnf(0, "\"%s\" can be \"%s\" (%s:%d), and proxying over TLS is not supported yet: such requests are answered with 502",
			name, value.Text, at.File, at.Line)
	}
}

// httpsValues are the first values of variables, with their "$", that begin with https.
type httpsValues struct{ byName map[string]*conf.Word }

func (h *httpsValues) of(tree *conf.Tree, name string) *conf.Word {
	if h.byName == nil {
		h.byName = map[string]*conf.Word{}
		tree.Main.Walk(func(n *conf.Node) bool {
			h.look(n)
			return true
		})
	}
	return h.byName[name]
}

// look finds the value that a set or map gives.
func (h *httpsValues) look(n *conf.Node) {
	args := n.Args()
	if len(args) != 2 {
		return
	}
	switch {
	case n.Name() == "set":
		h.add(args[0].Text, &args[1])
	case n.Name() == "map" && n.Block != nil:
		for _, entry := range n.Block.Nodes {
			if to := entry.Args(); len(to) == 1 {
				h.add(args[1].Text, &to[0])
			}
		}
	}
}

func (h *httpsValues) add(name string, value *conf.Word) {
	if h.byName[name] == nil && isHTTPS(value.Text) {
		h.byName[name] = value
	}
}

// beginning is the variable that a text begins with, with its "$"; "" when it begins otherwise.
func beginning(url string) string {
	rest, ok := strings.CutPrefix(url, "$")
	if !ok {
		return ""
	}
	if inner, braced := strings.CutPrefix(rest, "{"); braced {
		name, _, _ := strings.Cut(inner, "}")
		return "$" + name
	}
	end := strings.IndexFunc(rest, func(c rune) bool {
		return c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	})
	if end < 0 {
		end = len(rest)
	}
	return "$" + rest[:end]
}

// isHTTPS reports whether a value is the scheme, or an address with it.
func isHTTPS(value string) bool {
	return strings.EqualFold(value, "https") || hasPrefixFold(value, httpsPrefix)
}
