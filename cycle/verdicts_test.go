package cycle

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestVerdicts holds weir, and nginx where it is installed, to testdata/verdicts.txt.
func TestVerdicts(t *testing.T) {
	const path = "testdata/verdicts.txt"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	nginx := nginxBinary()
	j := newJudge(t, nginx)
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(line), "|")
		if len(fields) != 3 {
			out.WriteString(line)
			continue
		}
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		at := slices.IndexFunc(valuePlaces, func(p valuePlace) bool { return p.name == fields[0] })
		if at < 0 {
			t.Fatalf("no place is called %q", fields[0])
		}
		c := valuePlaces[at].around(fields[1])
		if *updateVerdicts {
			fields[2] = j.nginx(c)
			out.WriteString(strings.Join(fields, " | ") + "\n")
			continue
		}
		if got := j.weir(c); got != fields[2] {
			t.Errorf("%s: %s\n\twant: %s\n\tweir: %s", fields[0], fields[1], fields[2], got)
		}
		if nginx == "" {
			continue
		}
		if got := j.nginx(c); got != fields[2] {
			t.Errorf("%s: %s\n\twant: %s\n\tnginx: %s", fields[0], fields[1], fields[2], got)
		}
	}
	if *updateVerdicts {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// nginxBinary is the nginx to be asked: WEIR_NGINX, or the one that is installed; "" when there is none.
func nginxBinary() string {
	if path := os.Getenv("WEIR_NGINX"); path != "" {
		return path
	}
	path, err := exec.LookPath("nginx")
	if err != nil {
		return ""
	}
	return path
}
