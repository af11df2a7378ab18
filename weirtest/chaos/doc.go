// Package chaos has the tests that do to a running server what nobody should: signals, reloads and upgrades under load, deaths, full
// disks, bad input. WEIR_CHAOS=long lets them take minutes.
package chaos
