package h2

import "encoding/binary"

// preface is what a client's connection begins with (RFC 9113, section 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

const (
	maxWindow     = 1<<31 - 1
	defaultWindow = 65535
	defaultFrame  = 1 << 14
	maxFrame      = 1<<24 - 1 // that a client may allow
	frameHead     = 9         // bytes before the payload of a frame
	stateBuffer   = 16        // nginx's, which http2_recv_buffer_size must be larger than
	tableSize     = 4096
)

// kind is the type of a frame.
type kind uint8

const (
	kindData kind = iota
	kindHeaders
	kindPriority
	kindReset
	kindSettings
	kindPush
	kindPing
	kindGoAway
	kindWindow
	kindContinuation
	kindPriorityUpdate kind = 0x10 // RFC 9218
)

// Flags of frames.
const (
	flagAck         = 0x01
	flagEndStream   = 0x01
	flagEndHeaders  = 0x04
	flagPadded      = 0x08
	flagHasPriority = 0x20
)

// Settings.
const (
	settingTableSize       = 1
	settingPush            = 2
	settingStreams         = 3
	settingWindow          = 4
	settingFrame           = 5
	settingExtendedConnect = 8 // RFC 8441
)

// code says why a stream or a connection ends.
type code uint32

const (
	codeNone        code = 0x0
	codeProtocol    code = 0x1
	codeInternal    code = 0x2
	codeFlowControl code = 0x3
	codeClosed      code = 0x5
	codeSize        code = 0x6
	codeRefused     code = 0x7
	codeCancel      code = 0x8
	codeCompression code = 0x9
	codeCalm        code = 0xb
)

// A fault ends the connection with its code.
type fault code

func (f fault) Error() string { return "HTTP/2 connection error" }

// appendFrameHead appends what stands before the payload of a frame.
func appendFrameHead(b []byte, n int, k kind, flags uint8, stream uint32) []byte {
	return append(b, byte(n>>16), byte(n>>8), byte(n), byte(k), flags,
		byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

func appendSetting(b []byte, id uint16, value uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, id), value)
}

func appendWindow(b []byte, stream uint32, n int64) []byte {
	return binary.BigEndian.AppendUint32(appendFrameHead(b, 4, kindWindow, 0, stream), uint32(n))
}

func appendReset(b []byte, stream uint32, why code) []byte {
	return binary.BigEndian.AppendUint32(appendFrameHead(b, 4, kindReset, 0, stream), uint32(why))
}

func appendGoAway(b []byte, last uint32, why code) []byte {
	b = binary.BigEndian.AppendUint32(appendFrameHead(b, 8, kindGoAway, 0, 0), last)
	return binary.BigEndian.AppendUint32(b, uint32(why))
}

// uint31 reads a stream number or a window: the highest bit counts for nothing.
func uint31(b []byte) uint32 { return binary.BigEndian.Uint32(b) & (1<<31 - 1) }
