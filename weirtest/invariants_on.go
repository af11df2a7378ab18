//go:build invariants

package weirtest

const invariants = true
