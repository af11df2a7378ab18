//go:build race

package chaos

// raceDetector says that the server under test is slow and large.
const raceDetector = true
