package core

import (
	"maps"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/http/route"
)

func fileDirectives() []conf.Directive[coreConf] {
	return []conf.Directive[coreConf]{
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
			Set:     func(c *coreConf, call *conf.Call) error { c.DefaultType = []byte(call.Arg(0)); return nil },
		},
	}
}

// isNamed reports whether a block is that of a named location.
func isNamed(node *conf.Node) bool {
	return node != nil && node.Name() == "location" && len(node.Args()) == 1 && strings.HasPrefix(node.Args()[0].Text, "@")
}

func setRoot(c *coreConf, call *conf.Call) error {
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
		path = call.Path(path)
	}
	if !alias && path != "/" {
		path = strings.TrimSuffix(path, "/")
	}
	text, err := http.CompileText(call, 0, path)
	c.Root, c.Alias = text, alias
	if alias {
		c.Aliased, c.AliasWhole = aliasPrefix(call.Block().Node)
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
		mark, name = route.SplitModifier(name)
	}
	return len(name), strings.HasPrefix(mark, "~")
}

func addTypes(c *coreConf, call *conf.Call) error {
	t := map[string][]byte{}
	maps.Copy(t, c.Types)
	for n := range call.Body().Lines() {
		for _, w := range n.Args() {
			t[strings.ToLower(w.Text)] = []byte(n.Name())
		}
	}
	c.Types = t
	return nil
}

// defaultTypes is what holds where no types block is in force.
func defaultTypes() map[string][]byte {
	return map[string][]byte{"html": []byte("text/html"), "gif": []byte("image/gif"), "jpg": []byte("image/jpeg")}
}

// sharedTypes are those of all locations without a types block.
type sharedTypes struct{ types map[string][]byte }

func (s *sharedTypes) get() map[string][]byte {
	if s.types == nil {
		s.types = defaultTypes()
	}
	return s.types
}
