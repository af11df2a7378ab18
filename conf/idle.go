package conf

import (
	"fmt"
	"strings"
)

// HasEffect reports whether weir does what the directive says.
func (s Support) HasEffect() bool { return s == Full }

// TableSize is a directive that sizes a table, which weir does by itself.
func TableSize[C any](name string, in Context, def string) Directive[C] {
	return Directive[C]{Name: name, In: in, Syntax: "<number>", Default: def, Support: Ignored, Doc: "weir sizes its tables by itself."}
}

// declareIdle gives a directive without effect its whole Doc, and its warning.
func (e *Entry) declareIdle(instead string) {
	switch e.Support {
	case Ignored:
		e.Doc = "Accepted and ignored: " + e.Doc
	case Warned:
		why := strings.TrimSuffix(e.Doc, ".")
		e.warn(func(c *Call) {
			if e.Syntax == "on | off" && strings.EqualFold(c.Arg(0), "off") {
				return
			}
			g := about("warn", c.Node, -1, fmt.Sprintf("\"%s\" is not supported, ignored", e.Name))
			g.Hint = why
			c.diags.Add(g)
		})
		e.Doc = "Accepted and ignored, with a warning: " + e.Doc
	case Obsolete:
		text := "ignored"
		if instead != "" {
			text = "use the \"" + instead + "\" directive instead"
			e.Doc = "its task is that of `" + instead + "`."
		}
		e.warn(func(c *Call) { c.Warnf(-1, "the \"%s\" directive is obsolete, %s", e.Name, text) })
		e.Doc = "Obsolete, accepted with a warning and ignored: " + e.Doc
	case Full, Missing:
	}
}

// warn has each occurrence warned of, before it is declared.
func (e *Entry) warn(of func(*Call)) {
	declare := e.declare
	e.declare = func(c *Call) error {
		of(c)
		if declare == nil {
			return nil
		}
		return declare(c)
	}
}
