package cycle

import (
	"fmt"
	"os/user"
	"strconv"
)

// ids are the numbers of the user and group that connections are served as.
func (m *Main) ids() (uid, gid int, err error) {
	u, err := user.Lookup(m.User)
	if err != nil {
		return 0, 0, fmt.Errorf("getpwnam(\"%s\") failed", m.User)
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	if m.Group != "" && m.Group != m.User {
		g, err := user.LookupGroup(m.Group)
		if err != nil {
			return 0, 0, fmt.Errorf("getgrnam(\"%s\") failed", m.Group)
		}
		gid, _ = strconv.Atoi(g.Gid)
	}
	return uid, gid, nil
}
