package h2

// What the client's half of HTTP/2, which package proxy speaks with peers, has in common with the server's: frames and the coding of
// fields. Neither half keeps a table of fields that it sends.

// A FrameKind is the type of a frame.
type FrameKind = kind

// The types of frames that both halves know.
const (
	FrameData         = kindData
	FrameHeaders      = kindHeaders
	FrameReset        = kindReset
	FrameSettings     = kindSettings
	FramePush         = kindPush
	FramePing         = kindPing
	FrameGoAway       = kindGoAway
	FrameWindow       = kindWindow
	FrameContinuation = kindContinuation
)

// Flags of frames.
const (
	FlagAck        = flagAck
	FlagEndStream  = flagEndStream
	FlagEndHeaders = flagEndHeaders
	FlagPadded     = flagPadded
	FlagPriority   = flagHasPriority
)

// Sizes and settings.
const (
	Preface       = preface
	MaxWindow     = maxWindow
	DefaultWindow = defaultWindow
	DefaultFrame  = defaultFrame
	FrameHead     = frameHead

	SettingTableSize = settingTableSize
	SettingPush      = settingPush
	SettingStreams   = settingStreams
	SettingWindow    = settingWindow
)

// Why a stream or a connection ends.
const (
	CodeProtocol = codeProtocol
	CodeRefused  = codeRefused
	CodeCancel   = codeCancel
)

// AppendReset appends a RST_STREAM.
func AppendReset(b []byte, stream uint32, why code) []byte { return appendReset(b, stream, why) }

// AppendGoAway appends a GOAWAY.
func AppendGoAway(b []byte, last uint32, why code) []byte { return appendGoAway(b, last, why) }

// AppendFrameHead appends what stands before the payload of a frame.
func AppendFrameHead(b []byte, n int, k FrameKind, flags byte, stream uint32) []byte {
	return appendFrameHead(b, n, k, flags, stream)
}

// AppendSetting appends one setting of a SETTINGS frame.
func AppendSetting(b []byte, id uint16, value uint32) []byte { return appendSetting(b, id, value) }

// AppendWindow appends a WINDOW_UPDATE.
func AppendWindow(b []byte, stream uint32, n int64) []byte { return appendWindow(b, stream, n) }

// Uint31 reads a stream number or a window: the highest bit counts for nothing.
func Uint31(b []byte) uint32 { return uint31(b) }

// AppendName appends a field that no table has, up to its name, in lower case.
func AppendName(b, name []byte) []byte { return appendName(b, name) }

// AppendString appends a value, compressed when that makes it shorter.
func AppendString(b, s []byte) []byte { return appendString(b, s) }

// AppendIndexed appends a field whose name has a place in the static table (RFC 7541, appendix A), and has no table keep it.
func AppendIndexed(b []byte, name int, value []byte) []byte { return appendIndexed(b, name, value) }
