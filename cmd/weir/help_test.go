package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"weir/cycle"
)

// TestHelp asks for names of every kind.
func TestHelp(t *testing.T) {
	tests := []struct {
		args   string
		status int
		has    []string
	}{
		{"", 0, []string{"weir help NAME", "weir demo", "weir completion"}},
		{"limit_req", 0, []string{"limit_req zone=zone [burst=number]", "context  http, server, location", "module   http_limit_req", "Example:"}},
		{"LIMIT_REQ", 0, []string{"limit_req zone="}},
		{"$request_time", 0, []string{"$request_time\n\n"}},
		{"request_time", 0, []string{"$request_time\n\n"}},
		{"$http_x_y", 0, []string{"$http_NAME\n\n"}},
		{"server", 0, []string{"server { ... }", "context  upstream"}},
		{"msie", 0, []string{"$msie"}},
		{"xml_entities", 0, []string{"directive of nginx, which weir does not have"}},
		{"limit_rek", 1, []string{`there is no directive and no variable "limit_rek"`, `did you mean "limit_req"`}},
		{"a b", 1, []string{"one name at a time"}},
		{"--names", 0, []string{"\nlimit_req\n", "$request_time\n"}},
	}
	for _, tt := range tests {
		var out, errs bytes.Buffer
		status := help(strings.Fields(tt.args), &out, &errs)
		text := out.String() + errs.String()
		for _, s := range tt.has {
			if !strings.Contains(text, s) {
				t.Errorf("help %s: %q is missing in\n%s", tt.args, s, text)
			}
		}
		if status != tt.status || (status == 0) != (errs.Len() == 0) {
			t.Errorf("help %s: status %d, want %d\n%s", tt.args, status, tt.status, text)
		}
	}
}

// TestHelpWidth prints every entry, with no line of text wider than a terminal.
func TestHelpWidth(t *testing.T) {
	for _, name := range helpNames() {
		var out, errs bytes.Buffer
		if help([]string{name}, &out, &errs) != 0 {
			t.Errorf("no help about %s", name)
		}
		for _, mark := range []string{"**", "```"} {
			if strings.Contains(out.String(), mark) {
				t.Errorf("help %s has Markdown:\n%s", name, &out)
			}
		}
	}
	for _, v := range cycle.Variables() {
		for line := range strings.Lines(plainText(v.Doc)) {
			if len(line) > helpWidth+1 && strings.Contains(line, " ") {
				t.Errorf("$%s: %q is too wide", v.Name, line)
			}
		}
	}
}

// TestCompletion has shells read the files for them, where they are installed.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		var out, errs bytes.Buffer
		if completion([]string{shell}, &out, &errs) != 0 || !strings.Contains(out.String(), "help --names") {
			t.Fatalf("%s: %s%s", shell, &out, &errs)
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not installed", shell)
			continue
		}
		cmd := exec.Command(path, "-n")
		cmd.Stdin = &out
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", shell, err, said)
		}
	}
	var out, errs bytes.Buffer
	if completion([]string{"csh"}, &out, &errs) != 1 || errs.Len() == 0 {
		t.Error("completion for csh")
	}
}

// TestBashCompletion completes words as bash would.
func TestBashCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	for line, want := range map[string]string{
		"weir he": "help", "weir -s re": "reload reopen", "weir completion ": "bash fish zsh", "weir --v": "--version",
		"weir help limit_req_z": "limit_req_zone", "weir help \\$msi": "\\$msie",
	} {
		var out, errs bytes.Buffer
		completion([]string{"bash"}, &out, &errs)
		var names bytes.Buffer
		help([]string{"--names"}, &names, &errs)
		words := strings.Split(line, " ")
		script := out.String() + "\nweir() { cat <<'E'\n" + names.String() + "E\n}\n" +
			"COMP_WORDS=(" + strings.Join(quoted(words), " ") + "); COMP_CWORD=" + string(rune('0'+len(words)-1)) + "\n_weir\n" +
			`printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd' '`
		cmd := exec.Command(bash, "-c", script)
		said, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(said)); got != want || err != nil {
			t.Errorf("%q: %q, want %q (%v)", line, got, want, err)
		}
	}
}

func quoted(words []string) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = "'" + w + "'"
	}
	return all
}
