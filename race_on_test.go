//go:build race

package weir_test

// raceDetector says that the server under test is slow and large.
const raceDetector = true
