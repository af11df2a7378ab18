package http

// Held returns the newest T among what ends with the exchange (see OnEnd). Unlike what SetCtx keeps, it
// is found after an internal redirect too, and when the log is written.
func Held[T Closer](r *Request) (held T, ok bool) {
	for i := len(r.closers) - 1; i >= 0; i-- {
		if held, ok = r.closers[i].(T); ok {
			return held, true
		}
	}
	return held, false
}

// FieldValue joins the values of all fields of a name, which has underscores for dashes, as the
// variables $http_… do.
func (r *Request) FieldValue(fields Fields, name string) Value { return r.fieldVar(fields, name) }
