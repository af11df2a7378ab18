package upstream

import (
	"errors"
	"slices"
	"time"

	"weir/conf"
	"weir/load"
	"weir/logs"
	"weir/loop"
	"weir/upstream/resolver"
)

// A follower looks one server of a group up again and again, in a task in the background.
type follower struct {
	*names
	*Follow
	name  *member // the server
	tries int     // in vain
}

// names is what the servers of a group are looked up with.
type names struct {
	ResolverConf
	group *Group
	log   *logs.Logger
}

// shortest is how soon a name that could not be resolved is asked for again, at the earliest.
const shortest = time.Second

// follow has the servers looked up that are to be.
func (g *Group) follow(o *Options) error {
	r := o.resolver(g.Spec.Block)
	named := false
	for i := range g.Spec.Servers {
		f := g.Spec.Servers[i].Follow
		if f == nil {
			continue
		}
		named = true
		at := conf.Spot{Node: g.Spec.Node, Arg: -1}
		switch {
		case f.Once: // there is a resolver
		case g.Spec.Zone == "":
			return at.Errorf("resolving names at run time requires upstream %s in %s to be in shared memory", quote(g.Name), g.Spec.where).Unplaced().
				Hintf("a zone makes it so: zone %s 64k;", g.Name)
		case r.Resolver == nil:
			return at.Errorf("no resolver defined to resolve names at run time in upstream %s", quote(g.Name)).
				Hintf("resolver, in upstream or around it, names the servers to ask: resolver 127.0.0.53;")
		}
	}
	if o.Run != nil && r.Resolver != nil && (named || g.Spec.Zone != "") { // with a zone, names may be added while it serves
		n := &names{ResolverConf: r, group: g, log: o.Log}
		g.resolves = true
		o.Run("names of upstream "+g.Name, n.run)
	}
	return nil
}

// run has the names looked up that the group has, each in a task of its own.
func (n *names) run(j *load.Job) {
	g := n.group
	g.mu.Lock()
	g.names = j
	g.mu.Unlock()
	at := map[*member]*load.Job{}
	defer func() {
		for _, k := range at {
			k.Stop()
		}
	}()
	for {
		n.begin(j, at)
		if j.Wait(&loop.Wait{}) == loop.ErrStopped {
			return
		}
	}
}

// begin begins to look up names that are new, and ends it for those that are gone.
func (n *names) begin(j *load.Job, at map[*member]*load.Job) {
	n.group.mu.Lock()
	members := n.group.members
	n.group.mu.Unlock()
	for m, k := range at {
		if !slices.Contains(members, m) {
			k.Stop()
			delete(at, m)
		}
	}
	for _, m := range members {
		if at[m] == nil && m.named {
			f := &follower{names: n, Follow: m.server.Follow, name: m}
			at[m] = j.Begin("resolve "+f.Host, f.run)
		}
	}
}

// run is the task.
func (f *follower) run(j *load.Job) {
	wait := f.due(j.Task().Now())
	for {
		if j.Sleep(wait) != nil {
			return
		}
		found, until, err := f.look(j)
		if err == loop.ErrStopped {
			return
		}
		now := j.Task().Now()
		switch {
		case err == nil:
			f.tries = 0
			f.replace(found, until)
			if f.Once {
				return
			}
			wait = after(now, until)
		default:
			f.tries++
			wait = f.failed(err, now)
		}
	}
}

// due is when the name is asked for first: at once, unless the group before a reload has what holds still. To be found once is to be found
// anew with each configuration.
func (f *follower) due(now loop.Time) time.Duration {
	if f.Once {
		return 0
	}
	g := f.group
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Duration(max(f.name.until-second(now), 0)) * time.Second
}

// after is how long it is until a second is over, as nginx counts.
func after(now loop.Time, until int64) time.Duration {
	return time.Duration(max(until-second(now)+1, 1)) * time.Second
}

// failed logs why the name could not be resolved, and says when to ask again. Without a name there are no peers, as in nginx; what else
// goes wrong leaves them as they are.
func (f *follower) failed(err error, now loop.Time) time.Duration {
	what := f.Host
	if f.Service != "" {
		what = "service " + f.Service + " of " + f.Host
	}
	f.log.Logf(logs.Error, 0, "%s could not be resolved %v", what, err)
	wait := max(f.Timeout, shortest)
	var e *resolver.Error
	switch {
	case f.Once: // somebody waits for the first answer, or the group before a reload has an older one
		return min(wait, shortest<<min(f.tries-1, 4))
	case errors.As(err, &e) && e.NotFound():
		f.replace(nil, e.Until)
		return after(now, e.Until)
	}
	return wait
}

func (f *follower) replace(found []Found, until int64) {
	g := f.group
	g.replace(f.name, found)
	g.mu.Lock()
	f.name.until = until
	g.mu.Unlock()
}

// look asks once.
func (f *follower) look(j *load.Job) (found []Found, until int64, err error) {
	w := resolver.Wait{Timeout: f.Timeout, Signal: j.Signal(), Stopped: j.Stopped}
	if f.Service != "" {
		return f.lookService(j, w)
	}
	a, err := f.Resolver.Lookup(j.Task(), f.Host, w)
	t := Target{Port: f.Port}
	for _, ip := range a.Addrs {
		found = append(found, Found{Addr: t.address(ip)})
	}
	return found, a.Until, err
}

// backup reports whether the server is a backup. Loop only.
func (f *follower) backup() bool {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	return f.name.server.Backup
}

// lookService asks for a service: its servers of the best priority are the group's, the others are backups where there may be any.
func (f *follower) lookService(j *load.Job, w resolver.Wait) (found []Found, until int64, err error) {
	servers, until, lost, err := f.Resolver.Service(j.Task(), f.Service, f.Host, w)
	for _, l := range lost {
		f.log.Logf(logs.Error, 0, "%s could not be resolved %v while resolving service %s of %s", l.Name, l.Error, f.Service, f.Host)
	}
	backups := f.group.Spec.backups && !f.backup()
	for _, s := range servers {
		backup := s.Priority != servers[0].Priority
		if backup && !backups {
			break
		}
		found = append(found, Found{loop.Addr{Net: s.Addr}, s.Name, s.Weight, backup})
	}
	return found, until, err
}

// inheritFound begins with what the group before a reload has found for servers of the same name, whose ports and weights may be others
// now; or with what was found for them at load, if it cannot be found now. With the mutex of both held.
func (g *Group) inheritFound(old *Group) {
	for _, m := range slices.Clone(g.members) {
		if !m.named {
			continue
		}
		var from *ServerSpec // of old
		for _, before := range old.members {
			if from == nil && before.parent == nil && m.server.follows(before.server) {
				from, m.until = before.server, before.until
			}
			if from != nil && !before.named && (before.server == from || before.parent != nil && before.parent.server == from) {
				g.members = append(g.members, g.child(m, m.server.Follow.moved(before.Found, g.Spec.backups && !m.server.Backup)))
			}
		}
	}
}

// follows reports whether a server that is looked up may begin with the addresses of one before a reload.
func (s *ServerSpec) follows(before *ServerSpec) bool {
	return s.Follow.same(before.Follow) || s.Follow.Service == "" && s.Text == before.Text
}

// moved is an address with the port that the server has now.
func (f *Follow) moved(at Found, backups bool) Found {
	if f.Service == "" {
		t := Target{Port: f.Port}
		at.Addr = t.address(at.Addr.Net.Addr())
	}
	at.Backup = at.Backup && backups
	return at
}
