//go:build race

package weirtest

// Race says that the race detector is at work: everything is slow and large, and sync.Pool drops things on purpose, so that allocations
// cannot be counted.
const Race = true
