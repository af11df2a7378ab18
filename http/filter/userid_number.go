package filter

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"weir/http"
)

// A uidSource hands out numbers that no other client has got. One serves all places of a cycle.
type uidSource struct {
	start  uint32 // tells one life of the server from another
	v1, v2 atomic.Uint32
}

func (s *uidSource) begin() {
	if s.start == 0 {
		var b [4]byte
		_, _ = rand.Read(b[:])
		s.start = binary.NativeEndian.Uint32(b[:]) | 1
	}
}

// nextV1 is the last number of a cookie of version 1.
func (s *uidSource) nextV1() uint32 { return s.v1.Add(0x100) - 0xff }

// nextV2 is the last number of a cookie of version 2. Numbers begin at 0x03030302, also when they have all been used.
func (s *uidSource) nextV2() uint32 {
	const first, step = 0x03030302, 0x100
	const numbers = (1<<32 - first) / step
	return first + (s.v2.Add(1)-1)%numbers*step
}

// A uid is who a client is: four numbers, in the order of the machine's bytes. The last one is never 0.
type uid [4]uint32

func (u *uid) known() bool { return u[3] != 0 }

// text is the identity as variables and logs have it.
func (u *uid) text(name string) string {
	return fmt.Sprintf("%s=%08X%08X%08X%08X", name, u[0], u[1], u[2], u[3])
}

func (u *uid) bytes() (b [16]byte) {
	for i, n := range u {
		binary.NativeEndian.PutUint32(b[4*i:], n)
	}
	return b
}

// uidDigits is the length of an identity in base64, without what fills it up.
const uidDigits = 22

// read reads an identity in base64. What stands behind an "=" is not part of it.
func (u *uid) read(digits []byte) bool {
	for i, b := range digits {
		if b == '=' {
			digits = digits[:i]
			break
		}
	}
	var raw [16]byte
	if _, err := base64.RawStdEncoding.Decode(raw[:], digits); err != nil {
		return false
	}
	for i := range u {
		u[i] = binary.NativeEndian.Uint32(raw[4*i:])
	}
	return true
}

// addressNumber is the number of the server in cookies of version 2: its address, of IPv6 the end of it.
func addressNumber(r *http.Request) uint32 {
	local := r.Client.Local()
	if !local.IsValid() {
		return 0
	}
	b := local.Addr().Unmap().AsSlice()
	return binary.BigEndian.Uint32(b[len(b)-4:])
}

// bigEndian is the number whose bytes, on this machine, are those of n with the highest first.
func bigEndian(n uint32) uint32 {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return binary.NativeEndian.Uint32(b[:])
}
