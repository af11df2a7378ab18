package cycle

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"weir/conf"
)

const editable = `
worker_processes 2;
events { worker_connections 1024; }
http {
	access_log off;
	upstream app { zone app 64k; server $2; }
	server {
		listen $1;
		location / { proxy_pass http://app; }
		location /api/ { api write=on; }
	}
}
`

// TestAPIUnderLoad asks without a pause while servers are added to the group, changed and removed, from two sides, and the configuration is
// loaded anew: no request fails.
func TestAPIUnderLoad(t *testing.T) {
	rt, dir, addrs := newRuntime(t, editable, 4)
	for _, addr := range addrs[1:] {
		newPatient(t, addr)
	}
	var stop atomic.Bool
	var askers sync.WaitGroup
	var asked atomic.Int64
	for range 8 {
		askers.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for !stop.Load() {
				r, err := client.Get("http://" + addrs[0] + "/")
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				_ = r.Body.Close()
				if r.StatusCode != 200 {
					t.Error(r.Status)
				}
				asked.Add(1)
			}
		})
	}
	var editors sync.WaitGroup
	for i := range 2 {
		editors.Go(func() {
			for range 40 {
				edit(t, addrs[0], addrs[2+i])
			}
		})
	}
	for range 3 {
		writeConf(t, dir, editable, addrs)
		if err := rt.Reload(conf.Outside{}); err != nil {
			t.Error(err)
		}
	}
	editors.Wait()
	stop.Store(true)
	askers.Wait()
	t.Logf("%d requests", asked.Load())
	rt.Quit()
	<-rt.Done()
}

// edit adds a server to the group, gives it another weight, and removes it. A reload may have removed it before.
func edit(t *testing.T, api, server string) {
	t.Helper()
	servers := "http://" + api + "/api/9/http/upstreams/app/servers/"
	status, body := change(t, "POST", servers, fmt.Sprintf(`{"server":%q}`, server))
	var added struct{ ID int }
	if err := json.Unmarshal(body, &added); status != 201 || err != nil {
		t.Errorf("POST: %d %s", status, body)
		return
	}
	for _, q := range [][2]string{{"PATCH", `{"weight":5,"max_conns":100}`}, {"PATCH", `{"down":true}`}, {"DELETE", ""}} {
		if status, body := change(t, q[0], servers+fmt.Sprint(added.ID), q[1]); status != 200 && status != 404 {
			t.Errorf("%s: %d %s", q[0], status, body)
		}
	}
}

func change(t *testing.T, method, url, body string) (status int, answer []byte) {
	t.Helper()
	q, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	defer func() { _ = r.Body.Close() }()
	answer, _ = io.ReadAll(r.Body)
	return r.StatusCode, answer
}
