package conf

import (
	"fmt"
	"io"
	"strings"
)

// Print writes everything that is wrong. The first line of each is nginx's own, from the level on;
// under it stand the place, the line, and what would have been right. The last line counts them, when there are several.
func (d *Diagnostics) Print(w io.Writer, program string) {
	runs := d.runs()
	for i := range runs {
		g := &runs[i].Diagnostic
		fmt.Fprintf(w, "%s: [%s] %s\n", program, g.Level, d.Sentence(*g))
		d.detail(w, g)
		if more := d.more(&runs[i]); more != "" {
			fmt.Fprintf(w, "     = %s\n", more)
		}
	}
	if s := summary(runs); s != "" {
		fmt.Fprintf(w, "%s: %s\n", program, s)
	}
}

// A run is a diagnostic, and the places where the next ones say the same.
type run struct {
	Diagnostic
	more []Diagnostic
}

// longRun is how many equal diagnostics in a row become one.
const longRun = 4

// runs are the diagnostics in order. Several in a row that say the same of different places are one.
func (d *Diagnostics) runs() []run {
	list := d.List()
	var runs []run
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].Text == list[0].Text && list[n].Level == list[0].Level {
			n++
		}
		if n < longRun {
			n = 1
		}
		runs = append(runs, run{list[0], list[1:n]})
		list = list[n:]
	}
	return runs
}

// morePlaces is how many of further places are named.
const morePlaces = 8

// more says where the same is wrong as well.
func (d *Diagnostics) more(r *run) string {
	if len(r.more) == 0 {
		return ""
	}
	var places []string
	file := ""
	for i := range r.more {
		if i == morePlaces {
			places = append(places, "...")
			break
		}
		at := d.tree.Position(r.more[i].at())
		if at.File == file {
			places = append(places, fmt.Sprint(at.Line))
			continue
		}
		file = at.File
		places = append(places, fmt.Sprintf("%s:%d", at.File, at.Line))
	}
	return fmt.Sprintf("the same %d more times, in %s", len(r.more), strings.Join(places, ", "))
}

// Each calls say for every diagnostic, with its sentence and the number of those that follow and say the same.
func (d *Diagnostics) Each(say func(g Diagnostic, sentence string)) {
	for _, r := range d.runs() {
		sentence := d.Sentence(r.Diagnostic)
		if more := d.more(&r); more != "" {
			sentence += "; " + more
		}
		say(r.Diagnostic, sentence)
	}
}

// summary counts errors and warnings, when there are several.
func summary(runs []run) string {
	errs, warnings := 0, 0
	for i := range runs {
		if runs[i].Level == "warn" {
			warnings += 1 + len(runs[i].more)
		} else {
			errs += 1 + len(runs[i].more)
		}
	}
	switch {
	case errs+warnings < 2:
		return ""
	case warnings == 0:
		return plural(errs, "error")
	case errs == 0:
		return plural(warnings, "warning")
	}
	return plural(errs, "error") + ", " + plural(warnings, "warning")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
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
