package docs

import (
	"fmt"
	"slices"
	"strings"

	"weir/conf"
)

// family is how many directives with one first word are shown as a family.
const family = 6

// unsupported is the page of nginx's directives that weir refuses, by name or in some places.
func unsupported(table *conf.Table) string {
	var whole, partly []string
	for _, name := range table.Uncovered() {
		var in conf.Context
		for _, e := range table.Entry(name) {
			if e.Support != conf.Missing {
				in |= e.In
			}
		}
		if in == 0 {
			whole = append(whole, name)
			continue
		}
		partly = append(partly, fmt.Sprintf("| `%s` | %s |\n", name, table.Known()[name].In&^in))
	}
	var b strings.Builder
	b.WriteString(`<!-- Generated from the directive table. Do not edit. -->

# What weir does not support yet

These directives are nginx's, and weir knows them: a configuration that has one is refused with its name and its place, never
run without it. Directives of NGINX Plus are not counted.

`)
	fmt.Fprintf(&b, "## Directives (%d)\n\n", len(whole))
	for _, f := range families(whole) {
		fmt.Fprintf(&b, "- %s\n", f)
	}
	fmt.Fprintf(&b, "\n## Places (%d)\n\nweir has these directives, but not there:\n\n| directive | not yet in |\n|---|---|\n", len(partly))
	for _, row := range partly {
		b.WriteString(row)
	}
	return b.String()
}

// families gathers sorted names by their first word; small families come together at the end.
func families(names []string) []string {
	by := map[string][]string{}
	var order, rest []string
	for _, name := range names {
		first, _, _ := strings.Cut(name, "_")
		if by[first] == nil {
			order = append(order, first)
		}
		by[first] = append(by[first], "`"+name+"`")
	}
	var lines []string
	for _, first := range order {
		if len(by[first]) < family {
			rest = append(rest, by[first]...)
			continue
		}
		lines = append(lines, "**"+first+"**: "+strings.Join(by[first], " "))
	}
	slices.Sort(rest)
	if len(rest) > 0 {
		lines = append(lines, "**others**: "+strings.Join(rest, " "))
	}
	return lines
}
