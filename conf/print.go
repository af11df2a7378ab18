package conf

import (
	"fmt"
	"io"
	"strings"
)

// Print writes everything that is wrong. The first line of each is nginx's own, from the level on;
// under it stand the place, the line, and what would have been right.
func (d *Diagnostics) Print(w io.Writer, program string) {
	for _, g := range d.List() {
		fmt.Fprintf(w, "%s: [%s] %s\n", program, g.Level, d.Sentence(g))
		d.detail(w, &g)
	}
}

// maxSentence is where nginx cuts a sentence off.
const maxSentence = 1024

// Sentence is the text with file and line, as nginx writes it to its log.
func (d *Diagnostics) Sentence(g Diagnostic) string {
	g.Text = g.Text[:min(len(g.Text), maxSentence)]
	if !g.Line.IsValid() {
		return g.Text
	}
	p := d.tree.Position(g.Line)
	if p.File == "" {
		return g.Text + " in command line"
	}
	return fmt.Sprintf("%s in %s:%d", g.Text, p.File, p.Line)
}

func (d *Diagnostics) detail(w io.Writer, g *Diagnostic) {
	if g.Pos.IsValid() {
		p := d.tree.Position(g.Pos)
		name := p.File
		if name == "" {
			name = "command line"
		}
		fmt.Fprintf(w, "  --> %s:%d:%d", name, p.Line, p.Col)
		for at := d.tree.Files[g.Pos.File].Included; at.IsValid(); at = d.tree.Files[at.File].Included {
			from := d.tree.Position(at)
			fmt.Fprintf(w, ", included from %s:%d", from.File, from.Line)
		}
		fmt.Fprintln(w)
		d.excerpt(w, g, p)
	} else if g.Hint != "" {
		fmt.Fprintf(w, "     = %s\n", g.Hint)
	}
	for i, line := range strings.Split(g.Syntax, "\n") {
		if line != "" {
			fmt.Fprintf(w, "     %s %s\n", [2]string{"=", " "}[min(i, 1)], line)
		}
	}
}

// excerptWidth is how much of a long line is shown.
const excerptWidth = 160

// excerpt prints the source line and a caret under the word.
func (d *Diagnostics) excerpt(w io.Writer, g *Diagnostic, p Position) {
	line := d.tree.line(g.Pos)
	col := min(p.Col-1, len(line))
	if len(line) > excerptWidth {
		from := max(0, min(col-excerptWidth/2, len(line)-excerptWidth))
		line = line[from:min(from+excerptWidth, len(line))]
		col -= from
	}
	number := fmt.Sprintf("%4d", p.Line)
	fmt.Fprintf(w, "%s | %s\n", number, visible(line))
	length := max(1, min(g.Len, len(line)-col))
	mark := strings.Repeat(" ", len(number)) + " | " + spaces(line[:col]) + strings.Repeat("^", runes(line[col:min(col+length, len(line))], length))
	if g.Hint != "" {
		mark += " " + g.Hint
	}
	fmt.Fprintln(w, mark)
}

// spaces is as wide as s: tabs stay.
func spaces(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, s)
}

// visible replaces bytes that would play tricks on a terminal.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}

// runes counts the letters of s, at least one; short is for when s is empty.
func runes(s string, short int) int {
	n := 0
	for range s {
		n++
	}
	if n == 0 {
		return min(1, short)
	}
	return n
}

// usage is the syntax line as one writes it: the directive, its words without types.
func (e *Entry) usage() string {
	var lines []string
	for _, f := range splitForms(e.Syntax) {
		lines = append(lines, e.Name+plainSyntax(f))
	}
	return strings.Join(lines, "\n")
}

// plainSyntax is a form for people: <burst:number> becomes number, a "!" goes.
func plainSyntax(f string) string {
	if rest, ok := strings.CutPrefix(f, "!"); ok {
		rest = strings.TrimSpace(rest)
		word, after, _ := strings.Cut(rest, " ")
		if strings.Trim(word, "0123456789-") == "" {
			rest = after
		}
		if f = strings.TrimSpace(rest); f == "" {
			f = "..."
		}
	}
	f = withoutCounts(f)
	var b strings.Builder
	block := strings.HasSuffix(f, "}")
	for f != "" {
		open := strings.IndexByte(f, '<')
		end := strings.IndexByte(f, '>')
		if open < 0 || end < open {
			break
		}
		b.WriteString(f[:open])
		name, _, _ := strings.Cut(f[open+1:end], ":")
		b.WriteString(name)
		f = f[end+1:]
	}
	b.WriteString(f)
	s := b.String()
	if s != "" {
		s = " " + s
	}
	if !block {
		s += ";"
	}
	return s
}

// withoutCounts drops the number of ...2.
func withoutCounts(f string) string {
	i := strings.Index(f, "...")
	if i < 0 {
		return f
	}
	return f[:i+3] + strings.TrimLeft(f[i+3:], "0123456789")
}
