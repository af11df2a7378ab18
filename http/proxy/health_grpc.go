package proxy

import (
	"encoding/binary"
	"strconv"

	"weir/http"
	"weir/http/field"
)

// The health protocol of gRPC: a call of grpc.health.v1.Health/Check, whose request names a service (field 1, a string) and whose answer says
// whether it serves (field 1, 1 is SERVING).

// grpcFields are the fields of a call.
func grpcFields() http.Fields {
	return http.Fields{
		{ID: field.ContentType, Name: field.ContentType.Bytes(), Value: []byte("application/grpc")},
		{ID: field.TE, Name: field.TE.Bytes(), Value: []byte("trailers")},
	}
}

// grpcHealthRequest is the message of a call, behind its five bytes of frame.
func grpcHealthRequest(service string) []byte {
	var message []byte
	if service != "" {
		message = binary.AppendUvarint([]byte{1<<3 | 2}, uint64(len(service)))
		message = append(message, service...)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

// grpcHealthy reports from the answer whether the service is well: it serves, or answers with the status that is wanted.
func (k *checkConf) grpcHealthy(x *exchange, body []byte) bool {
	status := -1
	for _, fields := range []http.Fields{x.fields, x.trailers} {
		for i := range fields {
			if field.EqualFold(fields[i].Name, "grpc-status") {
				if n, err := strconv.Atoi(string(fields[i].Value)); err == nil {
					status = n
				}
			}
		}
	}
	if k.status >= 0 {
		return status == k.status
	}
	return status == 0 && grpcServes(body)
}

// grpcServes reports whether an answer says that the service serves. Fields that are not known are passed over.
func grpcServes(body []byte) bool {
	const frame, serving = 5, 1
	if len(body) < frame || body[0] != 0 || uint64(binary.BigEndian.Uint32(body[1:])) > uint64(len(body)-frame) {
		return false
	}
	message := body[frame:][:binary.BigEndian.Uint32(body[1:])]
	serves := false
	for len(message) > 0 {
		key, n := binary.Uvarint(message)
		if n <= 0 {
			return false
		}
		message = message[n:]
		size := uint64(0)
		switch key & 7 {
		case 0:
			v, n := binary.Uvarint(message)
			if n <= 0 {
				return false
			}
			message = message[n:]
			if key>>3 == 1 {
				serves = v == serving
			}
			continue
		case 1:
			size = 8
		case 5:
			size = 4
		case 2:
			v, n := binary.Uvarint(message)
			if n <= 0 {
				return false
			}
			message, size = message[n:], v
		default:
			return false
		}
		if size > uint64(len(message)) {
			return false
		}
		message = message[size:]
	}
	return serves
}
