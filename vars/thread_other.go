//go:build !linux

package vars

import "time"

// threadTime stands in for how long the thread has had a processor.
func threadTime() time.Duration { return time.Duration(time.Now().UnixNano()) }
