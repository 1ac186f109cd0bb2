package json

import (
	stdjson "encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	v, err := Parse([]byte(" {\"a\": [1, -2.5e3, true, null], \"\\u00e9\\ud83d\\ude00\\n\" : \"x\\\"y\", \"o\":{}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Value{Kind: Object, Keys: []string{"a", "é😀\n", "o"}, Items: []Value{
		{Kind: Array, Items: []Value{
			{Kind: Number, Num: 1, Text: "1"}, {Kind: Number, Num: -2500, Text: "-2.5e3"},
			{Kind: Bool, Bool: true}, {Kind: Null},
		}},
		{Kind: String, Text: `x"y`},
		{Kind: Object},
	}}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("got %#v", v)
	}
	if got, ok := v.Get("é😀\n"); !ok || got.Text != `x"y` {
		t.Errorf("Get = %v, %v", got, ok)
	}
	if _, ok := v.Get("b"); ok {
		t.Error("Get found a key that is not there")
	}
}

func TestParseRejects(t *testing.T) {
	deep := strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1)
	for _, c := range []struct {
		text   string
		offset int
		reason string
	}{
		{``, 0, "expected a value"},
		{`{`, 1, "expected a string"},
		{`{"a"}`, 4, "expected ':'"},
		{`{"a":1,}`, 7, "expected a string"},
		{`{"a":1 "b":2}`, 7, "expected ',' or '}'"},
		{`{"a":1,"a":2}`, 7, `repeated key "a"`},
		{`{"a":1,"\u0061":2}`, 7, `repeated key "a"`},
		{`{"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1,"9":1,"10":1,"3":1}`, 62, `repeated key "3"`},
		{`[1,]`, 3, "expected a value"},
		{`[1`, 2, "expected ',' or ']'"},
		{`01`, 1, "text after the value"},
		{`-`, 1, "expected a digit"},
		{`1.`, 2, "expected a digit"},
		{`1e+`, 3, "expected a digit"},
		{`1e999`, 0, "number beyond a float64"},
		{`NaN`, 0, "expected a value"},
		{`tru`, 0, "expected a value"},
		{`"a`, 2, "string without an end"},
		{`"\`, 2, "string without an end"},
		{`"\x"`, 1, "unknown escape"},
		{`"\u12g4"`, 1, "expected four hexadecimal digits"},
		{`"\ud800"`, 1, "unpaired surrogate"},
		{`"\udc00\ud800"`, 1, "unpaired surrogate"},
		{"\"a\nb\"", 2, "control character in a string"},
		{"\"\xff\"", 1, "invalid UTF-8"},
		{`1 2`, 2, "text after the value"},
		{deep, MaxDepth, "nested deeper than 64"},
	} {
		_, err := Parse([]byte(c.text))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%q: error %v, want a *SyntaxError", c.text, err)
			continue
		}
		if syntax.Offset != c.offset || !strings.HasPrefix(syntax.Reason, c.reason) {
			t.Errorf("%q: %v, want %q at byte %d", c.text, err, c.reason, c.offset)
		}
	}
}

func TestInt(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "-7": -7, "9223372036854775807": math.MaxInt64} {
		v, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := v.Int(); !ok || n != want {
			t.Errorf("Int of %s = %d, %v", text, n, ok)
		}
	}
	for _, text := range []string{"1.0", "1e2", "9223372036854775808", `"1"`} {
		v, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := v.Int(); ok {
			t.Errorf("Int of %s = %d, want none", text, n)
		}
	}
}

// What this package takes, encoding/json takes too and reads alike.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5,-3e-4],"b":{"c":null,"d":true}}`, `"\ud83d\ude00\\\""`, `[[[[]]]]`, `{"":""}`, "\"\xff\"", ` 0 `,
		`{"a":1,"a":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Parse(data)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(data) {
				t.Fatalf("error %v", err)
			}
			return
		}
		var std any
		if err := stdjson.Unmarshal(data, &std); err != nil {
			t.Fatalf("encoding/json rejects %q: %v", data, err)
		}
		if !reflect.DeepEqual(plain(v), std) {
			t.Fatalf("%q: read %v, encoding/json %v", data, plain(v), std)
		}
	})
}

// plain turns a value into what encoding/json makes of it.
func plain(v Value) any {
	switch v.Kind {
	case Bool:
		return v.Bool
	case Number:
		return v.Num
	case String:
		return v.Text
	case Array:
		list := []any{}
		for _, item := range v.Items {
			list = append(list, plain(item))
		}
		return list
	case Object:
		m := map[string]any{}
		for i, k := range v.Keys {
			m[k] = plain(v.Items[i])
		}
		return m
	}
	return nil
}

// Skip passes over any value and finds the same faults as Parse.
func TestSkip(t *testing.T) {
	for _, text := range []string{`{"a":[1,{"b":null}],"c":"d"}`, `true`, `-1e3`, `"\n"`, `[]`} {
		s := NewScanner([]byte(text))
		if err := s.Skip(); err != nil || s.at != len(text) {
			t.Errorf("%s: stopped at %d, %v", text, s.at, err)
		}
	}
	for _, text := range []string{`{"a":}`, `[1,`, `nul`, `"\x"`, `"\ud800"`, ``} {
		s := NewScanner([]byte(text))
		_, want := Parse([]byte(text))
		if err := s.Skip(); err == nil || want == nil || err.Error() != want.Error() ||
			!strings.HasPrefix(err.Error(), "JSON at byte ") {
			t.Errorf("%s: %v, Parse says %v", text, err, want)
		}
	}
}

// A value of another kind is refused where it stands.
func TestScannerRefusesOtherKinds(t *testing.T) {
	for _, c := range []struct {
		text string
		read func(*Scanner) error
	}{
		{`1`, func(s *Scanner) error { return s.Null() }},
		{`null`, func(s *Scanner) error { _, err := s.Bool(); return err }},
		{`tru`, func(s *Scanner) error { _, err := s.Bool(); return err }},
		{`[]`, func(s *Scanner) error { return s.Object(func(string) error { return nil }) }},
		{`{}`, func(s *Scanner) error { return s.Array(func() error { return nil }) }},
		{`"a`, func(s *Scanner) error { _, err := s.String(); return err }},
	} {
		if err := c.read(NewScanner([]byte(c.text))); err == nil {
			t.Errorf("%s was accepted", c.text)
		}
	}
}

// What AppendString writes is what encoding/json reads.
func TestAppendString(t *testing.T) {
	text := "a\"\\\b\f\n\r\t\x01é😀</"
	b := AppendString(nil, text)
	var got string
	if err := stdjson.Unmarshal(b, &got); err != nil || got != text {
		t.Errorf("%s: %q, %v, want %q", b, got, err, text)
	}
}

func TestATreeOfTooManyValuesIsRefused(t *testing.T) {
	// n values, the array among them
	text := func(n int) []byte { return []byte("[" + strings.Repeat("1,", n-2) + "1]") }
	if _, err := Parse(text(MaxValues)); err != nil {
		t.Errorf("%d values: %v", MaxValues, err)
	}
	if _, err := Parse(text(MaxValues + 1)); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("%d values: %v", MaxValues+1, err)
	}
}
