package certs

import (
	"crypto/tls"
	"io"
	"net"

	"weir/loop"
)

// records is the layer of a server's connection after its handshake: the record protocol of TLS 1.3 and 1.2, for suites with
// authenticated encryption. Unlike a tls.Conn it has no buffers while nothing comes, reads what is there at once, and seals what is
// written where it is sent from. Loop only.
type records struct {
	raw     *loop.Raw
	in, out half
	err     error // what reading has come to
	max     int32 // the most that goes into one record
	idle    uint8 // records in a row that brought no data
	ended   bool  // nothing more is written

	// A buffer of the loop, nil while nothing is there: buf[from:to] is data, buf[next:fill] are records, of which the last one need not
	// be whole.
	buf                  []byte
	from, to, next, fill int32
}

// Alerts (RFC 8446, section 6).
const (
	alertCloseNotify       = 0
	alertUnexpectedMessage = 10
	alertBadRecordMAC      = 20
	alertRecordOverflow    = 22
	alertIllegalParameter  = 47
	alertDecodeError       = 50
	alertProtocolVersion   = 70
	alertUserCanceled      = 90
	alertNoRenegotiation   = 100
)

const (
	// maxCiphertext is the longest record there is, with its header: TLS 1.2 allows for more than TLS 1.3.
	maxCiphertext   = headerLen + MaxRecord + 2048
	maxCiphertext13 = headerLen + MaxRecord + 256
	// readAtOnce is what is read from the socket where it is not known how much comes.
	readAtOnce = 32 << 10
	// smallBuffer is what a buffer is not changed for a smaller one for.
	smallBuffer = 512
	// maxPieces is how many records are made at once.
	maxPieces = 64
	// maxIdle is how many records in a row may bring no data: empty ones, updates of keys, warnings.
	maxIdle = 16
	// maxSealed is after how many records keys of AES-GCM are changed (RFC 8446, section 5.5).
	maxSealed = 1 << 24
)

// TryRead gives the data of the next record (loop.Layer).
func (y *records) TryRead(p []byte) (int, error) {
	for {
		if y.from < y.to {
			n := copy(p, y.buf[y.from:y.to])
			y.from += int32(n)
			y.tidy()
			return n, nil
		}
		if y.err != nil {
			return 0, y.err
		}
		n, err := y.whole()
		switch {
		case err == nil && n > 0:
			record := y.buf[y.next : y.next+n]
			y.next += n
			err = y.take(record)
		case err == nil:
			if err = y.more(); err == loop.ErrAgain {
				y.tidy()
				return 0, err
			}
		}
		if err != nil {
			y.fail(err)
			y.tidy()
		}
	}
}

// whole is the length of the next record if all of it is there; 0: it is not.
func (y *records) whole() (int32, error) {
	b := y.buf[y.next:y.fill]
	if len(b) < headerLen {
		return 0, nil
	}
	n := headerLen + int(b[3])<<8 + int(b[4])
	switch {
	case b[1] != 3 || b[2] != 3:
		return 0, tls.AlertError(alertProtocolVersion)
	case !y.in.suite.before && b[0] != typeData:
		return 0, tls.AlertError(alertUnexpectedMessage)
	case n > maxCiphertext || !y.in.suite.before && n > maxCiphertext13:
		return 0, tls.AlertError(alertRecordOverflow)
	case n > len(b):
		return 0, nil
	}
	return int32(n), nil
}

// more reads from the socket.
func (y *records) more() error {
	l := y.raw.Conn().Loop()
	if cap(y.buf) < maxCiphertext {
		room := l.Take(readAtOnce)
		y.fill = int32(copy(room, y.buf[y.next:y.fill]))
		l.Give(y.buf)
		y.buf, y.next = room, 0
	} else if y.next > 0 {
		y.fill = int32(copy(y.buf, y.buf[y.next:y.fill]))
		y.next = 0
	}
	y.from, y.to = 0, 0
	n, err := y.raw.TryRead(y.buf[y.fill:])
	y.fill += int32(n)
	return err
}

// tidy gives the buffer back when it is empty, and takes a smaller one for a record that comes slowly, or for the beginning of the next
// one: who sends little holds little.
func (y *records) tidy() {
	if y.from < y.to || y.buf == nil {
		return
	}
	n := y.fill - y.next
	if y.err != nil {
		n = 0
	}
	if n > 0 && cap(y.buf) <= 4*max(int(n), smallBuffer) {
		return
	}
	l := y.raw.Conn().Loop()
	var room []byte
	if n > 0 {
		room = l.Take(int(n))
		copy(room, y.buf[y.next:y.fill])
	}
	l.Give(y.buf)
	y.buf, y.from, y.to, y.next, y.fill = room, 0, 0, 0, n
}

// take takes a record.
func (y *records) take(record []byte) error {
	kind, data, err := y.in.open(record)
	if err != nil {
		return err
	}
	if kind == typeData && len(data) > 0 {
		y.idle = 0
		y.from = y.next - int32(len(record)) + headerLen + int32(y.in.explicit())
		y.to = y.from + int32(len(data))
		return nil
	}
	if y.idle++; y.idle > maxIdle {
		return tls.AlertError(alertUnexpectedMessage)
	}
	switch {
	case kind == typeData:
		return nil
	case kind == typeAlert:
		return y.alerted(data)
	case kind == typeHandshake && y.in.suite.before:
		return y.greeted(data)
	case kind == typeHandshake:
		return y.updated(data)
	}
	return tls.AlertError(alertUnexpectedMessage)
}

// alerted takes an alert. What ends the connection is returned.
func (y *records) alerted(data []byte) error {
	const warning, fatal = 1, 2
	switch {
	case len(data) != 2:
		return tls.AlertError(alertDecodeError)
	case data[1] == alertCloseNotify:
		return io.EOF
	case data[1] == alertUserCanceled, y.in.suite.before && data[0] == warning:
		return nil
	}
	return &net.OpError{Op: "remote error", Err: tls.AlertError(data[1])}
}

// greeted takes a message of a new handshake of TLS 1.2, which is refused as nginx does: the connection goes on.
func (y *records) greeted(data []byte) error {
	const clientHello = 1
	if len(data) == 0 || data[0] != clientHello {
		return tls.AlertError(alertUnexpectedMessage)
	}
	return y.put(typeAlert, 1, alertNoRenegotiation)
}

// updated takes the client's word that it has changed its keys (RFC 8446, section 4.6.3), and changes ours if it wants that. The message
// is alone in its record, since what comes behind it has other keys.
func (y *records) updated(data []byte) error {
	const keyUpdate = 24
	if len(data) != 5 || data[0] != keyUpdate || data[1] != 0 || data[2] != 0 || data[3] != 1 {
		return tls.AlertError(alertUnexpectedMessage)
	}
	if data[4] > 1 {
		return tls.AlertError(alertIllegalParameter)
	}
	if err := y.in.update(); err != nil {
		return err
	}
	if data[4] == 1 {
		return y.newKeys()
	}
	return nil
}

// newKeys changes the keys that are written with.
func (y *records) newKeys() error {
	if err := y.put(typeHandshake, 24, 0, 0, 1, 0); err != nil {
		return err
	}
	return y.out.update()
}

// put sends a short record.
func (y *records) put(kind byte, data ...byte) error {
	if y.ended {
		return nil
	}
	if y.raw.Conn().Unsent() > maxUnsent {
		return errClogged
	}
	var room [64]byte
	_, err := y.raw.Write(y.out.seal(room[:0], kind, data))
	return err
}

// fail ends reading: for good, since what comes behind a bad record makes no sense. The peer learns of what it has done wrong.
func (y *records) fail(err error) {
	const fatal = 2
	if a, ok := err.(tls.AlertError); ok {
		_ = y.put(typeAlert, fatal, byte(a))
		y.ended = true
		err = &net.OpError{Op: "local error", Err: a}
	}
	y.err = err
}

// TryWrite makes records of p, which go out with one call (loop.Layer).
func (y *records) TryWrite(p []byte) (int, error) {
	if y.ended {
		return 0, errEnded
	}
	size := int(y.max)
	p = p[:min(len(p), atOnce, size*maxPieces)]
	l := y.raw.Conn().Loop()
	room := l.Take(len(p) + (len(p)+size-1)/size*y.out.overhead())
	b := room[:0]
	for rest := p; len(rest) > 0; {
		n := min(len(rest), size)
		b = y.out.seal(b, typeData, rest[:n])
		rest = rest[n:]
	}
	_, err := y.raw.Write(b)
	l.Give(room)
	if err != nil {
		return 0, err
	}
	if y.out.seq >= maxSealed && y.out.suite.gcm && !y.out.suite.before {
		err = y.newKeys()
	}
	return len(p), err
}

// Pending reports whether there is something to read without the socket (loop.Layer).
func (y *records) Pending() bool {
	if y.from < y.to || y.err != nil {
		return true
	}
	n, err := y.whole()
	return n > 0 || err != nil
}

// CloseWrite tells the peer that nothing more comes (loop.Layer).
func (y *records) CloseWrite() error {
	const warning = 1
	err := y.put(typeAlert, warning, alertCloseNotify)
	y.ended = true
	return err
}

// Close says so too, if it was not said yet, and gives back what is held (loop.Layer).
func (y *records) Close() {
	_ = y.CloseWrite()
	y.raw.Conn().Loop().Give(y.buf)
	y.buf, y.err = nil, io.EOF
	y.from, y.to, y.next, y.fill = 0, 0, 0, 0
}

var _ loop.Layer = (*records)(nil)
