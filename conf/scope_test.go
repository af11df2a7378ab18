package conf

import (
	"bytes"
	"fmt"
	"strings"
)

// printScopes prints for each block what each module's settings are. Equal pointers have equal
// numbers.
func printScopes(b *bytes.Buffer, table *Table, tree *Tree, diags *Diagnostics) {
	s := table.NewScopes(tree, nil, diags)
	numbers := make(map[*seen]int)
	var walk func(bl *Block, indent string)
	walk = func(bl *Block, indent string) {
		if bl.Context.IsFree() {
			return
		}
		for _, m := range table.Modules()[1:3] {
			c := Settings[seen](s, m, bl)
			if numbers[c] == 0 {
				numbers[c] = len(numbers) + 1
			}
			fmt.Fprintf(b, "%s%s #%d has=%v %s\n", indent, m.Name, numbers[c], s.Has(m, bl), c)
		}
		for _, n := range bl.Nodes {
			if n.Block != nil {
				fmt.Fprintf(b, "%s%s\n", indent, n.Name())
				walk(n.Block, indent+"    ")
			}
		}
	}
	walk(tree.Main, "")
}

func (c *seen) String() string {
	return fmt.Sprintf("%v %d %d %v %v %d %d [%s]", c.flag, c.num, c.size, c.time, c.seconds, c.bits, c.enum, strings.Join(c.list, ", "))
}
