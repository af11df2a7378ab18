package filter

// A subText is looked through for texts to be replaced, part by part. What may be the beginning of one at the end of a part is held until
// the next one comes.
type subText struct {
	search *subSearch
	once   bool
	used   []bool // which texts were found
	count  int    // how many of them

	held []byte // the end of what came
	edge []byte // scratch: held and what follows it
}

// A subSink takes what is found, in its order.
type subSink interface {
	lent(part []byte)   // of the part that is looked through
	copied(part []byte) // of what was held: it is overwritten soon
	match(text int, first bool)
}

// done says that there is nothing more to be replaced.
func (t *subText) done() bool { return t.once && t.count == len(t.used) && len(t.held) == 0 }

// spent says that a text is not looked for any more.
func (t *subText) spent(text int) bool { return t.once && t.used[text] }

// look looks through a part.
func (t *subText) look(p []byte, sink subSink) {
	for at, copied, more := t.overEdge(p, sink); more; {
		pos, text, state := t.search.next(p, at, len(p), t)
		if state == subNone {
			pos = t.search.tail(p, pos)
		}
		if copied < pos {
			sink.lent(p[copied:pos])
		}
		if state != subMatch {
			t.held = append(t.held, p[pos:]...)
			return
		}
		at = pos + t.found(text, sink)
		copied = at
	}
}

// rest ends the text: what is held is passed on as it is, also if it has a text in it that is written behind the one that it might have
// begun. nginx does so.
func (t *subText) rest(sink subSink) { t.release(len(t.held), sink) }

// overEdge looks for texts that begin in what is held, and says from where on p is to be looked through by itself, and from
// where on it was not passed on. There is no more if all of p is held now.
func (t *subText) overEdge(p []byte, sink subSink) (at, copied int, more bool) {
	for len(t.held) > 0 {
		held := len(t.held)
		t.edge = append(append(t.edge[:0], t.held...), p[:min(len(p), t.search.longest)]...)
		pos, text, state := t.search.next(t.edge, 0, held, t)
		if state == subNone && pos < held { // there is little of p, and all of it is in edge
			pos = t.search.tail(t.edge, pos)
		}
		t.release(min(pos, held), sink)
		switch {
		case state == subMatch:
			end := pos + t.found(text, sink)
			t.held = t.held[:copy(t.held, t.held[min(end, held)-pos:])]
			if end >= held {
				return end - held, end - held, true
			}
		case state == subPart || pos < held:
			t.held = append(t.held, p...)
			return 0, 0, false
		default:
			return pos - held, 0, true
		}
	}
	return 0, 0, true
}

// found counts a text and says how long it is.
func (t *subText) found(text int, sink subSink) int {
	first := !t.used[text]
	if first {
		t.used[text] = true
		t.count++
	}
	sink.match(text, first)
	return len(t.search.texts[text])
}

// release passes on the first n bytes of what is held.
func (t *subText) release(n int, sink subSink) {
	if n > 0 {
		sink.copied(t.held[:n])
		t.held = t.held[:copy(t.held, t.held[n:])]
	}
}
