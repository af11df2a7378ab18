package load

import (
	"testing"
	"time"

	"weir/conf"
	"weir/loop"
)

// TestJobs starts and stops background tasks: one that sleeps, one that is told to end before it began.
func TestJobs(t *testing.T) {
	engine, err := loop.New(loop.Options{Loops: 1, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	engine.Run()
	defer engine.Stop()
	tree, d := conf.Parse("nginx.conf", "")
	env := New(Options{}, tree, d)
	turns, ended := make(chan bool, 1), make(chan error, 2)
	env.Run("sleeper", func(j *Job) {
		for {
			select {
			case turns <- true:
			default:
			}
			if err := j.Sleep(time.Millisecond); err != nil {
				ended <- err
				return
			}
		}
	})
	env.Run("idle", func(j *Job) { ended <- j.Sleep(time.Hour) })
	env.Run("late", func(*Job) { t.Error("a job ran that was told to end before it began") })
	jobs := env.Jobs()
	jobs[2].Stop()
	for _, j := range jobs {
		j.Start(engine.Loops[0])
	}
	<-turns
	<-turns
	for _, j := range jobs {
		j.Stop()
	}
	for range 2 {
		if err := <-ended; err != loop.ErrStopped {
			t.Errorf("a job ended with %v; want ErrStopped", err)
		}
	}
}

// TestFinish runs what is left for the end in order, also what that adds.
func TestFinish(t *testing.T) {
	tree, d := conf.Parse("nginx.conf", "")
	env := New(Options{}, tree, d)
	var got []int
	env.AtEnd(func() error {
		got = append(got, 1)
		env.AtEnd(func() error { got = append(got, 3); return nil })
		return nil
	})
	env.AtEnd(func() error { got = append(got, 2); return nil })
	env.Finish()
	if len(got) != 3 || got[0] != 1 || got[1] != 2 || got[2] != 3 {
		t.Errorf("ran %v; want 1, 2, 3", got)
	}
}
