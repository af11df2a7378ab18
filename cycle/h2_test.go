package cycle

import (
	"strings"
	"testing"

	"weir/conf"
	"weir/weirtest"
)

const overH2 = `
events { worker_connections 1024; }
http {
	access_log off;
	server { listen $1; http2 on; location / { return 200 $word; } }
}
`

// TestReloadKeepsH2 reloads under an HTTP/2 connection: it stays, and each stream is served by the configuration that is current when
// it begins. One that does not speak HTTP/2 any more refuses what comes on it.
func TestReloadKeepsH2(t *testing.T) {
	rt, dir, addrs := newRuntime(t, wordOf(overH2, "one"), 1)
	c, err := weirtest.DialH2(addrs[0], "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Conn.Close()
	get := func() (int, string) {
		t.Helper()
		id, err := c.Request("GET", "a", "/", true)
		if err != nil {
			t.Fatal(err)
		}
		all, err := c.Answers(id)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		return all[0].Status, string(all[0].Body)
	}
	for _, word := range []string{"one", "two", "three"} {
		writeConf(t, dir, wordOf(overH2, word), addrs)
		if err := rt.Reload(conf.Outside{}); err != nil {
			t.Fatal(err)
		}
		if status, body := get(); status != 200 || body != word {
			t.Errorf("%d %q; want %s", status, body, word)
		}
	}
	writeConf(t, dir, wordOf(`
events {}
http { access_log off; server { listen $1; location / { return 200 $word; } } }
`, "four"), addrs)
	if err := rt.Reload(conf.Outside{}); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(); status != 421 {
		t.Errorf("where HTTP/2 is not spoken any more: %d", status)
	}
	rt.Quit()
	if f, err := c.ReadUntil(func(f weirtest.H2Frame) bool { return f.Kind == weirtest.H2GoAway }); err != nil || f.Code() != 0 {
		t.Errorf("%v, %v", f, err)
	}
	_ = c.Conn.Close()
	<-rt.Done()
}

func wordOf(text, word string) string { return strings.ReplaceAll(text, "$word", word) }
