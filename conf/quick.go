package conf

// quick matches the arguments by the first way that there is, without going back to try another. That
// is how nearly all directives match, and it takes no memory. When it does not succeed nothing is said:
// run finds out whether there is another way, and what is wrong.
func (f *form) quick(args []Word) (vals uint64, ok bool) {
	if len(f.keys) > 0 {
		return 0, false
	}
	at := 0
	for _, list := range [2][]*elem{f.lead, f.rest} {
		for _, e := range list {
			opt := e.opt
			if e.sub != nil {
				if len(e.sub) > 1 || e.sub[0].sub != nil || e.rep {
					return 0, false
				}
				e = e.sub[0]
			}
			from := at
			for at < len(args) && (at == from || e.rep) {
				a := e.accept(args[at].Text)
				if a == nil {
					break
				}
				if !a.isKey() && at < 64 {
					vals |= 1 << at
				}
				at++
			}
			if at == from && !opt && !e.opt {
				return 0, false
			}
		}
	}
	return vals, at == len(args)
}
