package load

import (
	"sync/atomic"
	"time"

	"weir/loop"
)

// A Job is a background task that lives with a cycle: a cache manager, health checks, a resolver, the renewal of certificates. It
// begins when the cycle goes live and is told to end when another takes its place or the server stops.
type Job struct {
	name string
	run  func(*Job)
	task *loop.Task

	stopped atomic.Bool
	stop    loop.Signal
}

// Run has f run in a task of its own while the configuration is the live one. name is for logs. f returns when one of Sleep and Wait
// says loop.ErrStopped; what it awaits meanwhile (Task.Await) must end by itself.
func (e *Env) Run(name string, f func(*Job)) { e.jobs = append(e.jobs, &Job{name: name, run: f}) }

// Jobs returns what Run was given.
func (e *Env) Jobs() []*Job { return e.jobs }

// Begin has f run as a job of its own on the same loop, which whoever begins it has to stop. For the job itself.
func (j *Job) Begin(name string, f func(*Job)) *Job {
	k := &Job{name: name, run: f}
	k.Start(j.task.Loop())
	return k
}

// Start runs the job on a loop. Any goroutine.
func (j *Job) Start(l *loop.Loop) {
	l.Post(func() {
		l.Go(func(t *loop.Task) {
			if j.stopped.Load() {
				return
			}
			j.task = t
			j.run(j)
		})
	})
}

// Stop tells the job to end. Any goroutine.
func (j *Job) Stop() {
	j.stopped.Store(true)
	j.stop.Fire()
}

// Name is what logs call the job.
func (j *Job) Name() string { return j.name }

// Task is the task that the job runs in. For the job itself.
func (j *Job) Task() *loop.Task { return j.task }

// Stopped reports whether the job was told to end. Any goroutine.
func (j *Job) Stopped() bool { return j.stopped.Load() }

// Signal wakes the job when it is told to end, for waits of others than Sleep and Wait; Stopped then says so. For the job itself.
func (j *Job) Signal() *loop.Signal { return &j.stop }

// Sleep waits for d: loop.ErrStopped when the job is to end. For the job itself.
func (j *Job) Sleep(d time.Duration) error {
	w := loop.Wait{Deadline: j.task.After(max(d, 0))}
	if err := j.Wait(&w); err != loop.ErrTimeout {
		return err
	}
	return nil
}

// Wait is Task.Poll that ends with loop.ErrStopped when the job is to end; w must not have a signal of its own. For the job itself.
func (j *Job) Wait(w *loop.Wait) error {
	if j.stopped.Load() {
		return loop.ErrStopped
	}
	w.Signal = &j.stop
	err := j.task.Poll(w)
	if j.stopped.Load() {
		return loop.ErrStopped
	}
	return err
}
