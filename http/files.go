package http

import (
	"path/filepath"
	"strings"

	"weir/conf"
	"weir/load"
)

// Types maps file extensions to media types.
type Types struct {
	byExt map[string][]byte
}

func fileDirectives() []conf.Directive[Core] {
	return []conf.Directive[Core]{
		{
			Name: "root", In: inLocIf, Syntax: "<path:text>", Default: "html", Group: "root",
			Doc:     "The folder that URIs are files in: the path of a file is *path* followed by the URI.",
			Example: "root /srv/www;",
			Set:     setRoot,
		},
		{
			Name: "alias", In: onlyLoc, Syntax: "<path:text>", Group: "root",
			Doc:     "Replaces the prefix of the location: the path of a file is *path* followed by what comes after the prefix. In a regex location it is the whole path.",
			Example: "location /i/ { alias /data/w3/images/; }",
			Set:     setRoot,
		},
		{
			Name: "types", In: inLoc, Syntax: "{ <type> <extension> ...; }", Opens: conf.Types, Repeat: true,
			Doc:     "Maps extensions of file names to media types.",
			Example: "types { text/html html htm; image/webp webp; }",
			Set:     addTypes,
		},
		{
			Name: "default_type", In: inLoc, Syntax: "<type:string>", Default: "text/plain",
			Doc:     "The media type of files whose extension is in no `types`.",
			Example: "default_type application/octet-stream;",
			Set:     func(c *Core, call *conf.Call) error { c.DefaultType = []byte(call.Arg(0)); return nil },
		},
	}
}

// isNamed reports whether a block is that of a named location.
func isNamed(node *conf.Node) bool {
	return node != nil && node.Name() == "location" && len(node.Args()) == 1 && strings.HasPrefix(node.Args()[0].Text, "@")
}

func setRoot(c *Core, call *conf.Call) error {
	path := call.Arg(0)
	alias := call.Node.Name() == "alias"
	if !call.IsDefault() {
		other := "alias"
		if alias {
			other = "root"
		}
		if c.Root != nil { // the group is set from one block only: the other word stood before
			return call.Errorf(-1, "\"%s\" directive is duplicate, \"%s\" directive was specified earlier", call.Node.Name(), other)
		}
	}
	if alias && isNamed(call.Block().Node) {
		return call.Errorf(-1, "the \"alias\" directive cannot be used inside the named location")
	}
	if strings.Contains(path, "$document_root") || strings.Contains(path, "${document_root}") ||
		strings.Contains(path, "$realpath_root") || strings.Contains(path, "${realpath_root}") {
		name := "$document_root"
		if strings.Contains(path, "realpath_root") {
			name = "$realpath_root"
		}
		return call.Errorf(-1, "the %s variable cannot be used in the \"%s\" directive", name, call.Node.Name())
	}
	if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "$") {
		path = filepath.Join(load.Of(call).Prefix, path) + trailingSlash(path)
	}
	if !alias && path != "/" {
		path = strings.TrimSuffix(path, "/")
	}
	text, err := CompileText(call, 0, path)
	c.Root, c.Alias = text, alias
	if alias {
		c.aliased, c.aliasWhole = aliasPrefix(call.Block().Node)
	}
	return err
}

// aliasPrefix is how much of a URI an alias replaces: the prefix of the location it is written in, which
// need not be the one that inherits it, or the whole, in a location by regular expression.
func aliasPrefix(location *conf.Node) (prefix int, whole bool) {
	args := location.Args()
	mark, name := "", args[len(args)-1].Text
	if len(args) == 2 {
		mark = args[0].Text
	} else {
		mark, name = splitModifier(name)
	}
	return len(name), strings.HasPrefix(mark, "~")
}

func trailingSlash(path string) string {
	if strings.HasSuffix(path, "/") {
		return "/"
	}
	return ""
}

func addTypes(c *Core, call *conf.Call) error {
	t := &Types{byExt: map[string][]byte{}}
	if c.Types != nil {
		for k, v := range c.Types.byExt {
			t.byExt[k] = v
		}
	}
	for _, n := range call.Body().Nodes {
		for _, w := range n.Args() {
			t.byExt[strings.ToLower(w.Text)] = []byte(n.Name())
		}
	}
	c.Types = t
	return nil
}

// defaultTypes is what holds where no types block is in force.
func defaultTypes() *Types {
	return &Types{byExt: map[string][]byte{
		"html": []byte("text/html"), "gif": []byte("image/gif"), "jpg": []byte("image/jpeg"),
	}}
}

// TypeOf returns the media type of an extension.
func (c *Core) TypeOf(exten []byte) []byte {
	if t, ok := c.Types.byExt[string(exten)]; ok {
		return t
	}
	if len(exten) > 0 && len(exten) <= 32 {
		var low [32]byte
		if t, ok := c.Types.byExt[string(appendLower(low[:0], exten))]; ok {
			return t
		}
	}
	return c.DefaultType
}

func appendLower(dst, b []byte) []byte {
	for _, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// SetContentType sets the type of the response by the extension of the URI.
func (r *Request) SetContentType() {
	if r.Out.ContentType == nil {
		r.Out.ContentType = r.Loc.Core.TypeOf(r.Exten)
	}
}

// FilePath maps the URI to the path of a file, by root or alias. The path has no final NUL.
func (r *Request) FilePath() []byte { return r.FilePathOf(r.URI) }

// FilePathOf maps another URI to a path, as the location of the request maps its own.
func (r *Request) FilePathOf(uri []byte) []byte {
	core := r.Loc.Core
	root := r.Text(core.Root)
	if !core.Alias {
		return r.Concat(root, uri)
	}
	if core.aliasWhole {
		return r.Copy(root)
	}
	return r.Concat(root, uri[min(core.aliased, len(uri)):])
}

// AliasPart is how much of a URI the alias that holds for the request stands for: so many bytes, or all of
// it.
func (c *Core) AliasPart(uri []byte) (n int, whole bool) {
	if c.aliasWhole {
		return len(uri), true
	}
	return min(c.aliased, len(uri)), false
}

// DocumentRoot is the root or alias that holds for the request.
func (r *Request) DocumentRoot() []byte { return r.absolute(r.Text(r.Loc.Core.Root)) }

func (r *Request) absolute(path []byte) []byte {
	if len(path) > 0 && path[0] == '/' {
		return path
	}
	return r.Concat([]byte(r.App.Prefix), path)
}

// Lower returns b in lower case: b itself when it is, else a copy that lives as long as the exchange.
func (r *Request) Lower(b []byte) []byte {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			return appendLower(append(r.Alloc(len(b))[:0], b[:i]...), b[i:])
		}
	}
	return b
}
