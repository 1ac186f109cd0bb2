// Package header reads the metadata of a weights file: texts by key, of which most
// are JSON.
package header

import (
	"math"
	"strconv"

	"github.com/symdiff-go/symdiff/core/internal/json"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// Reader reads keys and remembers the first error, of type *safetensors.Error.
type Reader struct {
	File     string
	Metadata map[string]string
	Err      error
}

// Fail is an error of a key.
func (p *Reader) Fail(key, reason string) {
	if p.Err == nil {
		p.Err = &safetensors.Error{File: p.File, Reason: "metadata " + key + ": " + reason}
	}
}

// Word is the text of a key.
func (p *Reader) Word(key, absent string) string {
	if v, ok := p.Metadata[key]; ok {
		return v
	}
	return absent
}

// Flag is a key that is true or false.
func (p *Reader) Flag(key string, absent bool) bool {
	v, ok := p.Metadata[key]
	if !ok {
		return absent
	}
	if v != "true" && v != "false" {
		p.Fail(key, strconv.Quote(v)+", want true or false")
	}
	return v == "true"
}

// Integer is a key that is a whole number.
func (p *Reader) Integer(key string, absent int) int {
	v, ok := p.Metadata[key]
	if !ok {
		return absent
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		p.Fail(key, strconv.Quote(v)+", want an integer")
	}
	return n
}

// JSON is a key that is a JSON text, which must be there.
func (p *Reader) JSON(key string) json.Value {
	t, ok := p.Metadata[key]
	if !ok {
		p.Fail(key, "missing")
		return json.Value{}
	}
	v, err := json.Parse([]byte(t))
	if err != nil {
		p.Fail(key, err.Error())
	}
	return v
}

// Object is a key that is a JSON object, which must be there.
func (p *Reader) Object(key string) json.Value {
	v := p.JSON(key)
	if v.Kind != json.Object {
		p.Fail(key, "want an object")
	}
	return v
}

// Number is a field of the object of a key.
func (p *Reader) Number(key string, v json.Value, field string) float64 {
	f, ok := v.Get(field)
	if !ok || f.Kind != json.Number {
		p.Fail(key, field+": want a number")
	}
	return f.Num
}

// Int is a whole number in a field of the object of a key.
func (p *Reader) Int(key string, v json.Value, field string) int {
	f, ok := v.Get(field)
	n, whole := f.Int()
	if !ok || !whole || n > math.MaxInt32 || n < math.MinInt32 {
		p.Fail(key, field+": want an integer")
		return 0
	}
	return int(n)
}

// Bool is a field of the object of a key that is true or false.
func (p *Reader) Bool(key string, v json.Value, field string) bool {
	f, ok := v.Get(field)
	if !ok || f.Kind != json.Bool {
		p.Fail(key, field+": want true or false")
	}
	return f.Bool
}
