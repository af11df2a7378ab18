package zone

import "testing"

type counter struct{ size int64 }

func build(size int64) *counter { return &counter{size} }

func mustDeclare(t *testing.T, s *Set, name string, size int64, use string) *Zone {
	t.Helper()
	z, err := s.Declare(name, size, use)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestDeclare(t *testing.T) {
	tests := []struct {
		name string
		size int64
		use  string
		want string
	}{
		{"one", 0, "limit_req", ""},
		{"one", 1 << 20, "limit_req", ""},
		{"one", 0, "limit_req", ""},
		{"one", 1 << 20, "limit_req", ""},
		{"one", 2 << 20, "limit_req", `the size 2097152 of shared memory zone "one" conflicts with already declared size 1048576`},
		{"one", 1 << 20, "limit_conn", `the shared memory zone "one" is already declared for a different use`},
		{"two", 0, "limit_conn", ""},
	}
	s := NewRegistry(nil).Begin()
	for _, tt := range tests {
		_, err := s.Declare(tt.name, tt.size, tt.use)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("Declare(%q, %d, %q): %q, want %q", tt.name, tt.size, tt.use, got, tt.want)
		}
	}
	errs := s.Unsized()
	if len(errs) != 1 || errs[0].Error() != `zero size shared memory zone "two"` {
		t.Errorf("Unsized: %v", errs)
	}
}

// TestReload sees which zones survive a change of configuration.
func TestReload(t *testing.T) {
	g := NewRegistry(nil)
	first := g.Begin()
	old, kept := State(mustDeclare(t, first, "one", 100, "a"), build)
	if kept {
		t.Error("a new zone was kept")
	}
	if again, kept := State(mustDeclare(t, first, "one", 100, "a"), build); again != old || !kept {
		t.Error("one zone has two states")
	}
	g.Keep(first)
	tests := []struct {
		name string
		zone string
		size int64
		use  string
		kept bool
	}{
		{"the same", "one", 100, "a", true},
		{"another size", "one", 200, "a", false},
		{"another use", "one", 100, "b", false},
		{"another name", "two", 100, "a", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := g.Begin() // never kept: the configuration was bad
			state, kept := State(mustDeclare(t, s, tt.zone, tt.size, tt.use), build)
			if kept != tt.kept || (state == old) != tt.kept {
				t.Errorf("kept %v, want %v", kept, tt.kept)
			}
		})
	}
	g.Keep(g.Begin()) // a configuration without the zone
	if _, kept := State(mustDeclare(t, g.Begin(), "one", 100, "a"), build); kept {
		t.Error("the zone outlived a configuration that does not name it")
	}
}

// TestMentionedFirst sees that a zone is inherited when its size is known only after its mention.
func TestMentionedFirst(t *testing.T) {
	g := NewRegistry(nil)
	first := g.Begin()
	old, _ := State(mustDeclare(t, first, "one", 100, "a"), build)
	g.Keep(first)
	s := g.Begin()
	mustDeclare(t, s, "one", 0, "a")
	if state, kept := State(mustDeclare(t, s, "one", 100, "a"), build); !kept || state != old || state.size != 100 {
		t.Error("the zone was not inherited")
	}
}
