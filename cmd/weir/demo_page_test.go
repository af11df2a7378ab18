package main

import (
	"slices"
	"strings"
	"testing"

	"weir/weirtest"
)

// layout returns where everything on the page is, but for the answers, which move along, and the filled part of bars.
const layout = `[...document.querySelectorAll('main, main *')]
	.filter(e => e.parentElement.id !== 'strip' && e.tagName !== 'I' && getComputedStyle(e).display !== 'inline')
	.map(e => { const r = e.getBoundingClientRect(); return [e.tagName, e.id || e.className, r.x, r.y, r.width, r.height].join(' ')
		.replace(/ (now|down)\b/g, ''); })`

// shifts has the browser itself note what moves without being asked to.
const shifts = `window.shifts = [];
	new PerformanceObserver(list => {
		for (const e of list.getEntries())
			for (const s of e.sources)
				if (s.node && !document.getElementById('strip')?.contains(s.node))
					window.shifts.push((s.node.id || s.node.className || s.node.nodeName) + ' by ' + (s.currentRect.y - s.previousRect.y));
	}).observe({ type: 'layout-shift', buffered: true });`

// misfits are texts that are cut off, and a page that is wider than its window.
const misfits = `[...document.querySelectorAll('main *')].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)
	.map(e => e.className || e.id || e.tagName)
	.concat(document.documentElement.scrollWidth > innerWidth ? ['the page'] : [])`

// TestDemoPage uses the demo's page in a browser, in windows of several widths. Nothing of it moves, whatever it shows.
func TestDemoPage(t *testing.T) {
	path, ok := weirtest.FindBrowser()
	if !ok {
		t.Skip("chromium is not installed")
	}
	d := startDemo(t)
	b, err := weirtest.OpenBrowser(path, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": shifts}, nil); err != nil {
		t.Fatal(err)
	}
	for _, width := range []int{1200, 720, 360} {
		if err := b.Size(width, 900); err != nil {
			t.Fatal(err)
		}
		if err := b.Open("http://" + d.front + "/"); err != nil {
			t.Fatal(err)
		}
		p := &demoWindow{t: t, b: b, width: width}
		p.use(d.ports)
	}
}

// A demoWindow is the page in one window.
type demoWindow struct {
	t     *testing.T
	b     *weirtest.Browser
	width int
	first []string // the layout at the beginning
}

func (p *demoWindow) list(script string) (list []string) {
	p.t.Helper()
	if err := p.b.Eval(script, &list); err != nil {
		p.t.Fatal(err)
	}
	return list
}

// same runs a script, draws, and wants everything where it was.
func (p *demoWindow) same(what, script string) {
	p.t.Helper()
	const frame = `new Promise(f => requestAnimationFrame(() => requestAnimationFrame(f)))`
	if err := p.b.Eval(`(async () => { `+script+`; await `+frame+`; })()`, nil); err != nil {
		p.t.Fatal(err)
	}
	now := p.list(layout)
	if p.first == nil {
		p.first = now
	}
	if len(now) != len(p.first) || len(now) < 30 {
		p.t.Fatalf("%d wide, %s: %d things on the page, %d at the beginning", p.width, what, len(now), len(p.first))
	}
	for i, at := range now {
		if at != p.first[i] {
			p.t.Errorf("%d wide, %s: %s, at the beginning %s", p.width, what, at, p.first[i])
		}
	}
}

// use does all that can be done on the page.
func (p *demoWindow) use(ports []string) {
	t := p.t
	victim := ports[1]
	press := func(label string) string {
		return `document.querySelector('button[aria-label="` + label + `"]').click()`
	}
	until := func(text string) string {
		return `while (peers.get('` + victim + `').el.querySelector('.state').textContent !== '` + text + `') await state()`
	}
	p.same("loaded", ``)
	p.same("asked", `await ask()`)
	p.same("the state was read", `await state()`)
	if now := p.list(`[...document.querySelectorAll('.peer.now .state')].map(e => e.textContent)`); len(now) != 1 || now[0] != "answered last" {
		t.Errorf("%d wide: who answered last is %q after the state was read", p.width, now)
	}
	p.same("many answers", `for (let i = 0; i < 50; i++) await ask()`)
	way := func(name string) string {
		return `[...document.querySelectorAll('.ways button')].find(b => b.textContent === '` + name + `').click()`
	}
	strip := `[...document.querySelectorAll('#strip span')].map(e => e.textContent)`
	p.same("sticky", way("Sticky")+`; for (let i = 0; i < 6; i++) await ask()`)
	if got := p.list(strip); len(got) < 6 || len(slices.Compact(got[:6])) != 1 {
		t.Errorf("%d wide: six sticky answers are of %q", p.width, got)
	}
	p.same("cached", way("Cached")+`; for (let i = 0; i < 3; i++) await ask()`)
	if got := p.list(strip); len(got) < 2 || got[0] != "HIT" || got[1] != "HIT" {
		t.Errorf("%d wide: cached answers are %q", p.width, got)
	}
	p.same("in turn again", way("In turn")+`; await ask()`)
	p.same("one is stopped", press("Stop "+victim)+`; `+until("stopped, taken out"))
	p.same("asked again", `for (let i = 0; i < 8; i++) await ask()`)
	if bad := p.list(`[document.getElementById('failed').textContent]`); bad[0] != "0" {
		t.Errorf("%d wide: %s requests failed", p.width, bad[0])
	}
	p.same("paused", `document.getElementById('run').click()`)
	if cut := p.list(misfits); len(cut) > 0 && p.width > 400 {
		t.Errorf("%d wide: no room for %q", p.width, cut)
	}
	p.same("large numbers", `asked = 123456; for (const q of peers.values()) q.count = 1234567; draw()`)
	p.same("nobody answers", `const f = fetch; fetch = () => Promise.reject(new Error('x')); await ask(); fetch = f`)
	p.same("a long note", `document.getElementById('note').textContent = 'no room '.repeat(60)`)
	p.same("it is started", press("Start "+victim)+`; `+until("running")) // it has passed its check
	p.same("resumed", `document.getElementById('run').click()`)
	if moved := p.list(`window.shifts`); len(moved) > 0 {
		t.Errorf("%d wide: the browser saw things move: %s", p.width, strings.Join(moved, ", "))
	}
	off := p.list(`[...document.querySelectorAll('#strip span')].map(e => {
		const text = document.createRange(); text.selectNodeContents(e);
		const a = e.getBoundingClientRect(), b = text.getBoundingClientRect();
		return Math.abs((a.top + a.bottom) / 2 - (b.top + b.bottom) / 2);
	}).filter(d => d > 2).map(String)`)
	if len(off) > 0 {
		t.Errorf("%d wide: texts are not in the middle of their boxes: %q", p.width, off)
	}
}
