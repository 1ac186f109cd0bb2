// Package json reads and writes the little JSON that weights files carry:
// the header of a safetensors file and the metadata inside it. It is small
// because encoding/json would double the size of the WASM module.
//
// It is stricter than RFC 8259 where that closes a door: text must be valid
// UTF-8 without unpaired surrogates, an object must not repeat a key, numbers
// must fit a float64, nesting stops at [MaxDepth], and nothing but white space
// may follow the value.
//
// A [Scanner] reads a text in one pass without building a tree, so that its
// memory does not grow with a hostile text; [Parse] builds a [Value] on top of
// it. [AppendString] writes.
package json

import (
	"strconv"
	"unicode/utf8"
)

// MaxDepth is the deepest nesting of objects and arrays that is read, and
// MaxValues the most values of the tree that [Parse] builds: one of a byte in the
// text takes more than a hundred in memory.
const (
	MaxDepth  = 64
	MaxValues = 1 << 19
)

// SyntaxError is a text that is not the strict JSON of this package.
type SyntaxError struct {
	Offset int    // bytes before the fault
	Reason string // what is wrong there
	Key    string // the key, where one is repeated
}

func (e *SyntaxError) Error() string {
	return "JSON at byte " + strconv.Itoa(e.Offset) + ": " + e.Reason
}

// Kind is the type of a JSON value.
type Kind uint8

// The kinds of JSON values; the zero Kind belongs to no text.
const (
	None Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

var kindNames = [...]string{"nothing", "null", "a boolean", "a number", "a string", "an array",
	"an object"}

// String is the kind with its article, as error messages want it.
func (k Kind) String() string { return kindNames[k] }

// Value is one parsed JSON value. Only the fields of its kind are set.
type Value struct {
	Kind  Kind
	Bool  bool
	Num   float64  // number
	Text  string   // string: its characters; number: as written
	Keys  []string // object: names in the order of the text
	Items []Value  // array: elements; object: value of Keys[i]
}

// Get returns the member key of an object; ok is false where v is no object
// or lacks it.
func (v Value) Get(key string) (member Value, ok bool) {
	if v.Kind != Object {
		return Value{}, false
	}
	for i, k := range v.Keys {
		if k == key {
			return v.Items[i], true
		}
	}
	return Value{}, false
}

// Int returns a number that is written as an integer (no point, no exponent)
// and fits an int64.
func (v Value) Int() (n int64, ok bool) {
	if v.Kind != Number {
		return 0, false
	}
	n, err := strconv.ParseInt(v.Text, 10, 64)
	return n, err == nil
}

// Parse reads one JSON value that fills data. Errors are *SyntaxError.
func Parse(data []byte) (Value, error) {
	s := NewScanner(data)
	v, err := s.value()
	if err != nil {
		return Value{}, err
	}
	if err := s.End(); err != nil {
		return Value{}, err
	}
	return v, nil
}

// value builds the tree of the next value.
func (s *Scanner) value() (v Value, err error) {
	if s.values++; s.values > MaxValues {
		return v, s.fault("more than " + strconv.Itoa(MaxValues) + " values")
	}
	v.Kind = s.Peek()
	switch v.Kind {
	case Object:
		err = s.Object(func(key string) error {
			item, err := s.value()
			v.Keys, v.Items = append(v.Keys, key), append(v.Items, item)
			return err
		})
	case Array:
		err = s.Array(func() error {
			item, err := s.value()
			v.Items = append(v.Items, item)
			return err
		})
	case String:
		v.Text, err = s.String()
	case Number:
		v.Text, v.Num, err = s.Number()
	case Bool:
		v.Bool, err = s.Bool()
	case Null:
		err = s.Null()
	default:
		err = s.fault("expected a value")
	}
	return v, err
}

// Scanner walks over a JSON text. Each method reads the next value, which
// must be of its kind, and returns a *SyntaxError where it is not.
type Scanner struct {
	data   []byte
	at     int
	depth  int
	values int // of the tree
}

// NewScanner returns a scanner at the beginning of data.
func NewScanner(data []byte) *Scanner { return &Scanner{data: data} }

func (s *Scanner) fault(reason string) error { return &SyntaxError{Offset: s.at, Reason: reason} }

func (s *Scanner) faultAt(at int, reason string) error {
	return &SyntaxError{Offset: at, Reason: reason}
}

func (s *Scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// next skips white space and returns the next byte, 0 at the end.
func (s *Scanner) next() byte {
	s.space()
	if s.at == len(s.data) {
		return 0
	}
	return s.data[s.at]
}

// Peek returns the kind of the next value from its first byte; None where none
// begins.
func (s *Scanner) Peek() Kind {
	switch c := s.next(); {
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c == '"':
		return String
	case c == '-' || c >= '0' && c <= '9':
		return Number
	case c == 't' || c == 'f':
		return Bool
	case c == 'n':
		return Null
	}
	return None
}

func (s *Scanner) expect(k Kind) error {
	if got := s.Peek(); got != k {
		return s.fault("expected " + k.String() + ", found " + got.String())
	}
	return nil
}

// End reports an error unless only white space is left.
func (s *Scanner) End() error {
	if s.space(); s.at != len(s.data) {
		return s.fault("text after the value")
	}
	return nil
}

func (s *Scanner) enter() error {
	if s.depth++; s.depth > MaxDepth {
		return s.fault("nested deeper than " + strconv.Itoa(MaxDepth))
	}
	s.at++
	return nil
}

// Object reads an object and calls member for each name; member must read the
// value. A repeated name is an error.
func (s *Scanner) Object(member func(key string) error) error {
	if err := s.expect(Object); err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	var seen keySet
	for first := true; s.next() != '}'; first = false {
		if err := s.comma(first, "}"); err != nil {
			return err
		}
		at := s.at
		key, err := s.String()
		if err != nil {
			return err
		}
		if !seen.add(key) {
			return &SyntaxError{Offset: at, Reason: "repeated key " + strconv.Quote(key), Key: key}
		}
		if s.next() != ':' {
			return s.fault("expected ':'")
		}
		s.at++
		if err := member(key); err != nil {
			return err
		}
	}
	s.at, s.depth = s.at+1, s.depth-1
	return nil
}

// Array reads an array and calls element before each element; element must
// read it.
func (s *Scanner) Array(element func() error) error {
	if err := s.expect(Array); err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	for first := true; s.next() != ']'; first = false {
		if err := s.comma(first, "]"); err != nil {
			return err
		}
		if err := element(); err != nil {
			return err
		}
	}
	s.at, s.depth = s.at+1, s.depth-1
	return nil
}

// comma reads what separates two elements.
func (s *Scanner) comma(first bool, end string) error {
	if first {
		return nil
	}
	if s.next() != ',' {
		return s.fault("expected ',' or '" + end + "'")
	}
	s.at++
	s.space()
	return nil
}

// keySet remembers the keys of one object: few in a slice, many in a map.
type keySet struct {
	few  []string
	many map[string]struct{}
}

// add reports whether key is new.
func (k *keySet) add(key string) bool {
	if k.many == nil {
		for _, old := range k.few {
			if old == key {
				return false
			}
		}
		if k.few = append(k.few, key); len(k.few) > 8 {
			k.many = make(map[string]struct{})
			for _, old := range k.few {
				k.many[old] = struct{}{}
			}
		}
		return true
	}
	if _, old := k.many[key]; old {
		return false
	}
	k.many[key] = struct{}{}
	return true
}

// Null reads null.
func (s *Scanner) Null() error {
	if err := s.expect(Null); err != nil {
		return err
	}
	return s.word("null")
}

// Bool reads true or false.
func (s *Scanner) Bool() (bool, error) {
	if err := s.expect(Bool); err != nil {
		return false, err
	}
	if s.data[s.at] == 't' {
		return true, s.word("true")
	}
	return false, s.word("false")
}

func (s *Scanner) word(w string) error {
	if len(s.data)-s.at < len(w) || string(s.data[s.at:s.at+len(w)]) != w {
		return s.fault("expected a value")
	}
	s.at += len(w)
	return nil
}

// Number reads a number and returns it as written and as a float64.
func (s *Scanner) Number() (text string, x float64, err error) {
	if err := s.expect(Number); err != nil {
		return "", 0, err
	}
	start := s.at
	s.byteIn('-', '-')
	if !s.byteIn('0', '0') && !s.digits() {
		return "", 0, s.fault("expected a digit")
	}
	if s.byteIn('.', '.') && !s.digits() {
		return "", 0, s.fault("expected a digit")
	}
	if s.byteIn('e', 'e') || s.byteIn('E', 'E') {
		_ = s.byteIn('+', '+') || s.byteIn('-', '-')
		if !s.digits() {
			return "", 0, s.fault("expected a digit")
		}
	}
	text = string(s.data[start:s.at])
	if x, err = strconv.ParseFloat(text, 64); err != nil {
		return "", 0, s.faultAt(start, "number beyond a float64")
	}
	return text, x, nil
}

// byteIn reads one byte if it lies in [lo, hi].
func (s *Scanner) byteIn(lo, hi byte) bool {
	if s.at < len(s.data) && s.data[s.at] >= lo && s.data[s.at] <= hi {
		s.at++
		return true
	}
	return false
}

// digits reads one decimal digit or more.
func (s *Scanner) digits() bool {
	any := false
	for s.byteIn('0', '9') {
		any = true
	}
	return any
}

// String reads a string.
func (s *Scanner) String() (string, error) {
	if err := s.expect(String); err != nil {
		return "", err
	}
	s.at++
	start := s.at
	for s.at < len(s.data) { // the common case: no escape
		switch c := s.data[s.at]; {
		case c == '"':
			s.at++
			return string(s.data[start : s.at-1]), nil
		case c == '\\':
			return s.escaped(append([]byte(nil), s.data[start:s.at]...))
		default:
			if err := s.char(); err != nil {
				return "", err
			}
		}
	}
	return "", s.fault("string without an end")
}

// char reads one unescaped character of a string.
func (s *Scanner) char() error {
	c := s.data[s.at]
	if c < 0x20 {
		return s.fault("control character in a string")
	}
	if c < utf8.RuneSelf {
		s.at++
		return nil
	}
	r, n := utf8.DecodeRune(s.data[s.at:])
	if r == utf8.RuneError && n == 1 {
		return s.fault("invalid UTF-8")
	}
	s.at += n
	return nil
}

// escaped reads the rest of a string from its first backslash.
func (s *Scanner) escaped(out []byte) (string, error) {
	for s.at < len(s.data) {
		switch c := s.data[s.at]; {
		case c == '"':
			s.at++
			return string(out), nil
		case c == '\\':
			r, err := s.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		default:
			start := s.at
			if err := s.char(); err != nil {
				return "", err
			}
			out = append(out, s.data[start:s.at]...)
		}
	}
	return "", s.fault("string without an end")
}

// escape reads one escape sequence, both halves of a surrogate pair included.
func (s *Scanner) escape() (rune, error) {
	start := s.at
	if s.at++; s.at == len(s.data) {
		return 0, s.fault("string without an end")
	}
	c := s.data[s.at]
	s.at++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		r, ok := s.hex4()
		if !ok {
			return 0, s.faultAt(start, "expected four hexadecimal digits")
		}
		if r < 0xD800 || r > 0xDFFF {
			return r, nil
		}
		if r < 0xDC00 && s.byteIn('\\', '\\') && s.byteIn('u', 'u') {
			if low, ok := s.hex4(); ok && low >= 0xDC00 && low <= 0xDFFF {
				return (r-0xD800)<<10 + (low - 0xDC00) + 0x10000, nil
			}
		}
		return 0, s.faultAt(start, "unpaired surrogate")
	}
	return 0, s.faultAt(start, "unknown escape")
}

func (s *Scanner) hex4() (r rune, ok bool) {
	for range 4 {
		if s.at == len(s.data) {
			return 0, false
		}
		c := s.data[s.at]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
		s.at++
	}
	return r, true
}

// Skip reads a value of any kind and drops it.
func (s *Scanner) Skip() (err error) {
	switch s.Peek() {
	case Object:
		return s.Object(func(string) error { return s.Skip() })
	case Array:
		return s.Array(s.Skip)
	case String:
		_, err = s.String()
	case Number:
		_, _, err = s.Number()
	case Bool:
		_, err = s.Bool()
	case Null:
		err = s.Null()
	default:
		err = s.fault("expected a value")
	}
	return err
}

// AppendString appends text as a JSON string. Invalid UTF-8 becomes U+FFFD.
func AppendString(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
