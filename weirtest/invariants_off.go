//go:build !invariants

package weirtest

const invariants = false
