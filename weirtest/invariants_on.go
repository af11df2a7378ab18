//go:build invariants

package weirtest

// Invariants says that buffers are checked, in tests and in the servers that they build (build tag invariants): that allocates.
const Invariants = true
