package docs

import (
	"fmt"
	"strings"
	"testing"

	"weir/cycle"
	"weir/http"
	"weir/vars"
)

// variables is the page of nginx's variables, and which of them weir has.
func variables(have []http.Var) string {
	doc := map[string]string{}
	for _, v := range have {
		doc[v.Name] = v.Doc
	}
	var b, lacks strings.Builder
	b.WriteString(`<!-- Generated from the modules' variables. Do not edit. -->

# Variables

Every built-in variable of nginx, by the module that has it in nginx, and which of them weir has. ` + "`$arg_NAME`" + ` and its like are
families: any name in place of ` + "`NAME`" + `. Variables that the configuration makes (` + "`set`, `map`" + `, named captures and so on) come
on top of these, and so do ` + "`$1` to `$9`" + `, the captures of the regular expression that matched last.

A variable that weir does not have is an error when the configuration is read, never an empty text.
`)
	module := ""
	flush := func() {
		if lacks.Len() > 0 {
			fmt.Fprintf(&b, "\nNot in weir yet:%s\n", lacks.String())
			lacks.Reset()
		}
	}
	for _, k := range vars.AllKnown() {
		if k.Plus {
			continue
		}
		if k.Module != module {
			flush()
			module = k.Module
			fmt.Fprintf(&b, "\n## %s\n\n", module)
			if covered(doc, module) {
				b.WriteString("| variable | |\n|---|---|\n")
			}
		}
		switch said, ok := doc[k.Name]; {
		case ok && strings.HasPrefix(module, "http_"):
			fmt.Fprintf(&b, "| `%s` | %s |\n", shown(k.Name), said)
		default:
			fmt.Fprintf(&lacks, " `%s`", shown(k.Name))
		}
	}
	flush()
	b.WriteString(own(have))
	return strings.ReplaceAll(b.String(), "\n\n\n", "\n\n")
}

// covered reports whether weir has any variable of a module.
func covered(doc map[string]string, module string) bool {
	for _, k := range vars.AllKnown() {
		if _, ok := doc[k.Name]; ok && k.Module == module && strings.HasPrefix(module, "http_") {
			return true
		}
	}
	return false
}

// own is the part on variables that nginx does not have.
func own(have []http.Var) string {
	var b strings.Builder
	for _, v := range have {
		if strings.Contains(v.Name, "_internal_") {
			continue // nginx's defaults use it, and its manual does not have it either
		}
		if k, ok := vars.FindKnown("http", v.Name); !ok || k.Name != v.Name {
			fmt.Fprintf(&b, "| `%s` | %s |\n", shown(v.Name), v.Doc)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n## weir's own\n\n| variable | |\n|---|---|\n" + b.String()
}

// shown is a variable as it is written in a configuration.
func shown(name string) string {
	if strings.HasSuffix(name, "_") {
		name += "NAME"
	}
	return "$" + name
}

// TestVariables wants a sentence about each variable, and one entry for each.
func TestVariables(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range cycle.Variables() {
		if v.Doc == "" || !strings.HasSuffix(v.Doc, ".") {
			t.Errorf("$%s has no sentence: %q", v.Name, v.Doc)
		}
		if seen[v.Name] {
			t.Errorf("$%s is there twice", v.Name)
		}
		seen[v.Name] = true
	}
}
