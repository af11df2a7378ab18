package http

import "weir/http/field"

// What heads are made of. Their ids, their look-up and their dates are in field, which knows no request.
type (
	Field  = field.Field
	Fields = field.Fields
)
