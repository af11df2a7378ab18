//go:build !race

package weirtest

// Race says that the race detector is at work.
const Race = false
