package master

import (
	"os"
	"strconv"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notifier tells systemd how the service is (sd_notify(3)); without systemd it does nothing. Its unit has Type=notify.
type notifier struct{}

func (notifier) say(state string) { _, _ = daemon.SdNotify(false, state) }

func (n notifier) ready() { n.say(daemon.SdNotifyReady + "\nSTATUS=serving") }

func (n notifier) reloading() {
	n.say(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
}

func (n notifier) reloaded(ok bool) {
	status := "serving; the last reload failed, the configuration before is in force"
	if ok {
		status = "serving"
	}
	n.say(daemon.SdNotifyReady + "\nSTATUS=" + status)
}

func (n notifier) stopping() { n.say(daemon.SdNotifyStopping) }

// mainPid says who the service is from now on.
func (n notifier) mainPid(pid int) { n.say("MAINPID=" + strconv.Itoa(pid)) }

// environment is what a new binary needs to speak to systemd. The watchdog is asked of whoever is the main process.
func (notifier) environment() []string {
	var env []string
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// watchdog shows systemd twice in each of its periods that the loops of the worker turn. While there is no worker the master
// is busy to start one, which is as good.
func (m *Master) watchdog() {
	period, err := daemon.SdWatchdogEnabled(false)
	if err != nil || period <= 0 {
		return
	}
	alive := func(err error) {
		if err == nil {
			m.notify.say(daemon.SdNotifyWatchdog)
		}
	}
	var look func()
	look = func() {
		if w := m.worker; w != nil && w.ready {
			_ = w.tell(&message{Kind: kindPing}, nil, alive) // without descriptors it cannot fail
		} else {
			alive(nil)
		}
		m.machine.after(period/2, func() { m.post(look) })
	}
	look()
}
