package conf

import (
	"fmt"
	"sort"
	"strings"
)

// Pages are the reference manual: Markdown by path, a page for each module and an index.
func (t *Table) Pages() map[string]string {
	pages := make(map[string]string)
	where := t.anchors()
	for _, m := range t.modules {
		pages[pagePath(m)] = m.page(where)
	}
	pages["docs/directives/README.md"] = t.indexPage()
	return pages
}

func pagePath(m *Module) string { return "docs/directives/" + m.Name + ".md" }

// anchors tells on which page a directive is; the first module that has it wins.
func (t *Table) anchors() map[string]string {
	where := make(map[string]string)
	for _, m := range t.modules {
		for _, e := range m.Entries {
			if where[e.Name] == "" {
				where[e.Name] = m.Name + ".md#" + e.Name
			}
		}
	}
	return where
}

func (m *Module) page(where map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<!-- Generated from the directive table. Do not edit. -->\n\n# %s\n\n%s\n", m.Name, linked(m.Doc, where))
	entries := append([]*Entry(nil), m.Entries...)
	sort.SliceStable(entries, func(i, j int) bool { return entries[i].Name < entries[j].Name })
	for _, e := range entries {
		e.section(&b, where)
	}
	return b.String()
}

// section is one directive of a page.
func (e *Entry) section(b *strings.Builder, where map[string]string) {
	fmt.Fprintf(b, "\n## %s\n\n", e.Name)
	fmt.Fprintf(b, "```nginx\n%s\n```\n\n", e.usage())
	if e.Default != "" {
		fmt.Fprintf(b, "- Default: `%s %s;`\n", e.Name, e.Default)
	}
	fmt.Fprintf(b, "- Context: %s\n", e.In)
	if e.Repeat && !e.HasBlock() {
		b.WriteString("- May stand several times in one block.\n")
	}
	switch e.Inherit {
	case Never:
		b.WriteString("- Inner blocks do not inherit it.\n")
	case IntoNameless:
		b.WriteString("- Only `if` and `limit_except` blocks inherit it.\n")
	case Nearest:
		if mates := e.mates(); mates != "" {
			fmt.Fprintf(b, "- Inherited together with %s: a block that has one of them inherits none.\n", mates)
		}
	}
	switch e.Support {
	case Ignored:
		b.WriteString("- Accepted for nginx's sake; weir has no need of it, and it has no effect.\n")
	case Warned:
		b.WriteString("- Accepted with a warning; it has no effect.\n")
	case Obsolete:
		b.WriteString("- Obsolete in nginx: accepted with a warning, without effect.\n")
	case Missing:
		b.WriteString("- Not supported yet.\n")
	case Full:
	}
	if len(e.Lacks) > 0 {
		fmt.Fprintf(b, "- nginx also has `%s`, which weir refuses by name for now.\n", strings.Join(e.Lacks, "`, `"))
	}
	fmt.Fprintf(b, "\n%s\n", linked(e.Doc, where))
	if e.Example != "" {
		fmt.Fprintf(b, "\nExample:\n\n```nginx\n%s\n```\n", strings.TrimSpace(e.Example))
	}
}

// mates are the other directives of the group.
func (e *Entry) mates() string {
	var names []string
	for _, other := range e.Module.groups[e.group] {
		if other.Name != e.Name {
			names = append(names, "`"+other.Name+"`")
		}
	}
	return strings.Join(names, ", ")
}

// linked makes links of [names] of directives.
func linked(doc string, where map[string]string) string {
	var b strings.Builder
	for {
		open := strings.IndexByte(doc, '[')
		if open < 0 {
			break
		}
		end := strings.IndexByte(doc[open:], ']')
		if end < 0 {
			break
		}
		end += open
		b.WriteString(doc[:end+1])
		if at := where[doc[open+1:end]]; at != "" && !strings.HasPrefix(doc[end+1:], "(") {
			b.WriteString("(" + at + ")")
		}
		doc = doc[end+1:]
	}
	b.WriteString(doc)
	return b.String()
}

// indexPage lists all directives with the first sentence of their docs.
func (t *Table) indexPage() string {
	var rows []string
	for _, m := range t.modules {
		for _, e := range m.Entries {
			rows = append(rows, fmt.Sprintf("| [%s](%s.md#%s) | %s | %s |\n", e.Name, m.Name, e.Name, m.Name, e.Summary()))
		}
	}
	sort.Strings(rows)
	return "<!-- Generated from the directive table. Do not edit. -->\n\n# Directives\n\n| directive | module | |\n|---|---|---|\n" +
		strings.Join(rows, "")
}

// Summary is the first sentence of the doc, on one line.
func (e *Entry) Summary() string {
	s, _, _ := strings.Cut(e.Doc, "\n\n")
	s = strings.Join(strings.Fields(s), " ")
	if i := strings.Index(s, ". "); i >= 0 {
		s = s[:i+1]
	}
	return s
}

// Usage is the syntax line as one writes it: "limit_req zone=name [burst=number];", a line for each
// form.
func (e *Entry) Usage() string { return e.usage() }
