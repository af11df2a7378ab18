package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"weir/weirtest"
)

// streams puts requests over HTTP/2 on a server: four connections with 32 streams each. args are more arguments of h2load.
func streams(path string, args ...string) func(in *instance, o options) (load, error) {
	return func(in *instance, o options) (load, error) {
		bin, err := exec.LookPath("h2load")
		if err != nil {
			return load{}, errors.New("h2load is not installed")
		}
		length := max(1, int(math.Ceil(o.seconds))) // it counts whole seconds
		cmd := exec.Command(bin, append(append([]string{"-t1", "-c4", "-m32", "-D" + strconv.Itoa(length)}, args...), in.url(path))...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return load{}, fmt.Errorf("h2load: %w\n%s", err, out)
		}
		l, err := parseH2Load(string(out))
		if err != nil {
			return load{}, err
		}
		l.client = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		return l, nil
	}
}

// calls puts unary calls of gRPC on a server, with a message of 100 bytes.
func calls(path string) func(in *instance, o options) (load, error) {
	return func(in *instance, o options) (load, error) {
		message := append([]byte{0, 0, 0, 0, 100}, weirtest.Pattern("100")...)
		f, err := os.CreateTemp("", "weir-bench-message-")
		if err != nil {
			return load{}, err
		}
		defer os.Remove(f.Name())
		_, err = f.Write(message)
		if err := errors.Join(err, f.Close()); err != nil {
			return load{}, err
		}
		return streams(path, "-d", f.Name(), "-H", "content-type: application/grpc", "-H", "te: trailers")(in, o)
	}
}

var (
	h2Count = regexp.MustCompile(`requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded`)
	h2Took  = regexp.MustCompile(`finished in (\S+),`)
)

func parseH2Load(out string) (l load, err error) {
	count, took := h2Count.FindStringSubmatch(out), h2Took.FindStringSubmatch(out)
	if count == nil || took == nil {
		return l, fmt.Errorf("h2load said nothing of requests:\n%s", out)
	}
	if l.requests, err = strconv.Atoi(count[1]); err != nil || l.requests == 0 || count[1] != count[2] {
		return l, fmt.Errorf("requests have failed:\n%s", out)
	}
	l.took, err = time.ParseDuration(took[1])
	return l, err
}
