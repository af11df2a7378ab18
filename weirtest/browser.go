package weirtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// A Browser is a Chromium without a window that has one page open. It is spoken to in its DevTools protocol, over a pipe. One goroutine.
type Browser struct {
	cmd     *exec.Cmd
	to      *os.File
	from    *os.File
	session string
	last    int
	mu      sync.Mutex
	waiting map[int]chan reply
	loaded  chan struct{}
	ended   chan struct{}
}

// message is what goes to the browser.
type message struct {
	ID      int    `json:"id"`
	Session string `json:"sessionId,omitempty"`
	Method  string `json:"method"`
	Params  any    `json:"params,omitempty"`
}

// reply is what comes from it: the result of a message, or an event.
type reply struct {
	ID     int
	Method string
	Result json.RawMessage
	Error  *struct{ Message string }
}

// FindBrowser looks for a Chromium.
func FindBrowser() (path string, ok bool) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	return "", false
}

// OpenBrowser starts a browser that keeps its things in a folder. It must be closed.
func OpenBrowser(path, dir string) (*Browser, error) {
	theirs, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	from, answers, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	b := &Browser{
		cmd: exec.Command(path, "--headless", "--remote-debugging-pipe", "--user-data-dir="+dir, "--no-first-run", "--disable-gpu",
			// no sandbox: root and most containers cannot have one, and the pages are our own
			"--no-proxy-server", "--disable-dev-shm-usage", "--no-sandbox", "about:blank"),
		to: to, from: from, waiting: map[int]chan reply{}, loaded: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	b.cmd.ExtraFiles = []*os.File{theirs, answers} // 3 and 4, as the protocol wants them
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = b.cmd.Start()
	theirs.Close()
	answers.Close()
	if err != nil {
		to.Close()
		from.Close()
		return nil, err
	}
	go b.read()
	if err := b.attach(); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// attach makes the page.
func (b *Browser) attach() error {
	var target struct{ TargetID string }
	if err := b.Call("Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return err
	}
	var session struct{ SessionID string }
	if err := b.Call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session); err != nil {
		return err
	}
	b.session = session.SessionID
	return b.Call("Page.enable", nil, nil)
}

// Size gives the page a size in pixels.
func (b *Browser) Size(width, height int) error {
	return b.Call("Emulation.setDeviceMetricsOverride",
		map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// read hands out what the browser says, until it ends.
func (b *Browser) read() {
	defer close(b.ended)
	r := bufio.NewReader(b.from)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m reply
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		if m.Method == "Page.loadEventFired" {
			select {
			case b.loaded <- struct{}{}:
			default:
			}
		}
		b.mu.Lock()
		c := b.waiting[m.ID]
		delete(b.waiting, m.ID)
		b.mu.Unlock()
		if c != nil {
			c <- m
		}
	}
}

// patience is how long a browser may take for one thing: to start is much work.
func (b *Browser) patience() <-chan time.Time { return time.After(6 * Patience()) }

// Call sends one command and reads its result into a value, unless that is nil.
func (b *Browser) Call(method string, params, result any) error {
	c := make(chan reply, 1)
	b.mu.Lock()
	b.last++
	m := message{ID: b.last, Session: b.session, Method: method, Params: params}
	b.waiting[m.ID] = c
	b.mu.Unlock()
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		return err
	}
	select {
	case got := <-c:
		if got.Error != nil {
			return fmt.Errorf("%s: %s", method, got.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(got.Result, result)
	case <-b.ended:
		return io.ErrUnexpectedEOF
	case <-b.patience():
		return fmt.Errorf("%s: the browser does not answer", method)
	}
}

// Open goes to a page and waits until it is loaded.
func (b *Browser) Open(url string) error {
	select {
	case <-b.loaded: // of the page before
	default:
	}
	var r struct{ ErrorText string }
	if err := b.Call("Page.navigate", map[string]any{"url": url}, &r); err != nil {
		return err
	}
	if r.ErrorText != "" {
		return fmt.Errorf("%s: %s", url, r.ErrorText)
	}
	select {
	case <-b.loaded:
		return nil
	case <-b.ended:
		return io.ErrUnexpectedEOF
	case <-b.patience():
		return errors.New("the page was not loaded: " + url)
	}
}

// Eval runs JavaScript in the page, waits if it is a promise, and reads its value into a value, unless that is nil.
func (b *Browser) Eval(script string, value any) error {
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	params := map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true}
	if err := b.Call("Runtime.evaluate", params, &r); err != nil {
		return err
	}
	if e := r.ExceptionDetails; e != nil {
		return fmt.Errorf("%s %s in %s", e.Text, e.Exception.Description, script)
	}
	if value == nil {
		return nil
	}
	return json.Unmarshal(r.Result.Value, value)
}

// Close ends the browser with all its processes.
func (b *Browser) Close() {
	b.to.Close()
	_ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL)
	_ = b.cmd.Wait()
	<-b.ended
	b.from.Close()
}
