package docs

import (
	"math/rand"
	"strings"
	"testing"

	"weir/conf"
	"weir/cycle"
)

// TestWithoutEffect writes every directive that has no effect, and holds what is said of it against what the manual says: nothing, a warning,
// or that there is no such thing.
func TestWithoutEffect(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	own := map[string]string{"thread_pool": "pool threads=2", "load_module": "modules/ngx_http_auth_request_module.so"}
	found := map[conf.Support]int{}
	for _, m := range cycle.Table().Modules() {
		for _, e := range m.Entries {
			if e.Support.HasEffect() {
				continue
			}
			found[e.Support]++
			args := e.Default
			switch {
			case own[e.Name] != "":
				args = own[e.Name]
			case e.Syntax == "on | off":
				args = "on"
			case args == "":
				args = strings.Join(e.Generate(random), " ")
			}
			line := e.Name + " " + args + ";"
			said, failed := build(t, around(e.In, "", line))
			begins, want := "", ""
			switch e.Support {
			case conf.Ignored:
				begins = "Accepted and ignored: "
			case conf.Warned:
				begins, want = "Accepted and ignored, with a warning: ", `"`+e.Name+`" is not supported, ignored in `
			case conf.Obsolete:
				begins, want = "Obsolete, accepted with a warning and ignored: ", `the "`+e.Name+`" directive is obsolete, `
			case conf.Missing:
				want = `"` + e.Name + `" directive is known to nginx but not supported by weir yet in `
			case conf.Full:
			}
			if !strings.HasPrefix(e.Doc, begins) {
				t.Errorf("the manual says of %s: %s", e.Name, e.Doc)
			}
			if all := strings.Join(said, "\n"); !strings.Contains(all, want) || (want == "") != (all == "") || failed != (e.Support == conf.Missing) {
				t.Errorf("%s\n%s\nwant %q", line, all, want)
			}
		}
	}
	for _, s := range []conf.Support{conf.Ignored, conf.Warned, conf.Obsolete, conf.Missing} {
		if found[s] == 0 {
			t.Errorf("no directive has support %d", s)
		}
	}
}
