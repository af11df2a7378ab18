package weirtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// ErrNoServer says that there is nothing to test: no WEIR_BINARY, and this tree has no cmd/weir.
var ErrNoServer = errors.New("no WEIR_BINARY, and no cmd/weir to build")

// Binary returns the path of the server under test: WEIR_BINARY, or weir built from this module, with the race detector, on
// the portable engine and with the checks of buffers (the tag invariants) when the test itself has them. It is built once in a
// test process. The build lands in the module's .tmp folder under its final name by a rename, so that test processes that build
// at the same time never see half a file.
func Binary() (string, error) {
	if path := os.Getenv("WEIR_BINARY"); path != "" {
		return filepath.Abs(path)
	}
	return built()
}

var built = sync.OnceValues(buildBinary)

func buildBinary() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(root, "cmd", "weir")); err != nil {
		return "", ErrNoServer
	}
	name, args, tags := "weir", []string{"build"}, []string{}
	if Race {
		name, args = "weir-race", append(args, "-race")
	}
	if portable {
		tags = append(tags, "portable")
	}
	if Invariants {
		tags = append(tags, "invariants")
	}
	if len(tags) > 0 {
		name, args = name+"-"+strings.Join(tags, "-"), append(args, "-tags", strings.Join(tags, ","))
	}
	if scramble {
		name, args = name+"-scramble", append(args, "-tags", "scramble")
	}
	return Build(root, filepath.Join(root, ".tmp", name), append(args, "./cmd/weir")...)
}

// Build runs `go args... ` in dir with its output going to path, and returns path. It builds without cgo, as weir is released; only the
// race detector cannot do without.
func Build(dir, path string, args ...string) (string, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // several tests of one process may build it
	if err != nil {
		return "", err
	}
	half := f.Name()
	_ = f.Close()
	defer os.Remove(half)
	cmd := exec.Command("go", append([]string{args[0], "-o", half}, args[1:]...)...)
	cmd.Dir = dir
	if !slices.Contains(args, "-race") {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return path, os.Rename(half, path)
}

// IsWeir tells weir from nginx: both answer -v, and only weir names itself there.
func IsWeir(binary string) bool {
	out, err := exec.Command(binary, "-v").CombinedOutput()
	return err == nil && strings.Contains(string(out), "weir")
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = up
	}
}
