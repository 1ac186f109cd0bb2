package sampler

import (
	"slices"
	"strconv"
	"strings"

	"github.com/symdiff-go/symdiff/core/internal/json"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/o3"
)

// field is an option by its JSON name, with a pointer to its value.
type field struct {
	name string
	v    any
}

// fields lists the options that JSON knows, in the order of the struct.
func (o *Options) fields() []field {
	return []field{
		{
			"seed",
			&o.Seed,
		}, {"first", &o.First}, {"n", &o.N}, {"atoms", &o.Atoms}, {"formula", &o.Formula},
		{"joint", &o.Joint}, {"fragment", &o.Fragment}, {"from", &o.From},
		{"properties", &o.Properties}, {"cfg_weight", &o.CFGWeight},
		{"steps", &o.Steps}, {"rho", &o.Rho}, {"t_start", &o.TStart}, {"method", (*string)(&o.Method)},
		{"noise_scale", &o.NoiseScale}, {"gamma", (*string)(&o.Gamma)},
		{"rotate", &o.Rotate}, {"uncoupled", &o.Uncoupled}, {"branches", &o.Branches},
	}
}

// Names lists the JSON names of the options.
func Names() (names []string) {
	for _, f := range new(Options).fields() {
		names = append(names, f.name)
	}
	return names
}

// field is the option of a name.
func (o *Options) field(name string) (field, error) {
	all := o.fields()
	if i := slices.IndexFunc(all, func(f field) bool { return f.name == name }); i >= 0 {
		return all[i], nil
	}
	return field{}, bad(strconv.Quote(name), "", "no such option, want one of "+list(Names()))
}

// UnmarshalJSON sets the options that a JSON object names; the others stay.
//
//	seed               a number, or text where it does not fit one
//	fragment, from     {"elements": ["C", ...], "positions": [x, y, z, ...]} in Å; of from also a list of them
//	rotate             nine numbers, by rows
//	branches           [{"step": 3, "seed": 7}, ...]
//
// An unknown name, or a value of another kind, is an *OptionError.
func (o *Options) UnmarshalJSON(data []byte) error {
	v, err := json.Parse(data)
	if err != nil {
		return bad("options", "", err.Error())
	}
	if v.Kind != json.Object {
		return bad("options", "", "want an object, have "+v.Kind.String())
	}
	for i, name := range v.Keys {
		f, err := o.field(name)
		if err != nil {
			return err
		}
		if reason := read(f.v, v.Items[i]); reason != "" {
			return bad(name, "", reason)
		}
	}
	return nil
}

// read sets an option from JSON; where it cannot, it says what was expected.
func read(to any, v json.Value) (reason string) {
	wanted := func(what string) string { return "want " + what + ", have " + said(v) }
	switch to := to.(type) {
	case *uint64:
		n, err := strconv.ParseUint(v.Text, 10, 64)
		if v.Kind != json.Number && v.Kind != json.String || err != nil {
			return wanted("a whole number below 2^64")
		}
		*to = n
	case *int:
		n, ok := v.Int()
		if !ok || int64(int(n)) != n {
			return wanted("a whole number")
		}
		*to = int(n)
	case *float64:
		if v.Kind != json.Number {
			return wanted("a number")
		}
		*to = v.Num
	case *bool:
		if v.Kind != json.Bool {
			return wanted("true or false")
		}
		*to = v.Bool
	case *string:
		if v.Kind != json.String {
			return wanted("text")
		}
		*to = v.Text
	default:
		return readComposite(to, v)
	}
	return ""
}

// readComposite is read of options that have several values.
func readComposite(to any, v json.Value) (reason string) {
	wanted := func(what string) string { return "want " + what + ", have " + said(v) }
	switch to := to.(type) {
	case *map[string]float64:
		if v.Kind != json.Object {
			return wanted("an object of numbers")
		}
		*to = map[string]float64{}
		for i, name := range v.Keys {
			if v.Items[i].Kind != json.Number {
				return name + ": want a number, have " + said(v.Items[i])
			}
			(*to)[name] = v.Items[i].Num
		}
	case **o3.Matrix:
		numbers, ok := floats(v)
		if !ok || len(numbers) != 9 {
			return wanted("nine numbers")
		}
		*to = matrix(numbers)
	case *[]Branch:
		return readBranches(to, v)
	case **molecule.Molecule:
		m, reason := readMolecule(v)
		*to = m
		return reason
	case *[]*molecule.Molecule:
		items := []json.Value{v}
		if v.Kind == json.Array {
			items = v.Items
		}
		*to = nil
		for _, item := range items {
			m, reason := readMolecule(item)
			if reason != "" {
				return reason
			}
			*to = append(*to, m)
		}
	}
	return ""
}

func readBranches(to *[]Branch, v json.Value) (reason string) {
	if v.Kind != json.Array {
		return "want a list of {step, seed}, have " + said(v)
	}
	*to = nil
	for _, item := range v.Items {
		var b Branch
		step, _ := item.Get("step")
		seed, _ := item.Get("seed")
		if reason := read(&b.Step, step); reason != "" {
			return "step: " + reason
		}
		if reason := read(&b.Seed, seed); reason != "" {
			return "seed: " + reason
		}
		*to = append(*to, b)
	}
	return ""
}

// readMolecule reads {elements, positions}.
func readMolecule(v json.Value) (m *molecule.Molecule, reason string) {
	symbols, _ := v.Get("elements")
	places, _ := v.Get("positions")
	numbers, ok := floats(places)
	if n := len(symbols.Items); symbols.Kind != json.Array || !ok || len(numbers) != 3*n {
		return nil, strconv.Itoa(n) + " elements and " + strconv.Itoa(len(numbers)) +
			" coordinates, want three of each"
	}
	m = &molecule.Molecule{}
	for i, symbol := range symbols.Items {
		e, ok := molecule.ParseElement(symbol.Text)
		if !ok {
			return nil, "unknown element " + strconv.Quote(symbol.Text)
		}
		m.Elements = append(m.Elements, e)
		m.Positions = append(m.Positions, [3]float64(numbers[3*i:]))
	}
	return m, ""
}

// floats is an array of numbers.
func floats(v json.Value) (numbers []float64, ok bool) {
	for _, item := range v.Items {
		if item.Kind != json.Number {
			return nil, false
		}
		numbers = append(numbers, item.Num)
	}
	return numbers, v.Kind == json.Array
}

func matrix(numbers []float64) *o3.Matrix {
	h := new(o3.Matrix)
	for i, v := range numbers {
		h[i/3][i%3] = v
	}
	return h
}

// said is a value as a message shows it.
func said(v json.Value) string {
	switch v.Kind {
	case json.Number:
		return v.Text
	case json.String:
		return strconv.Quote(v.Text)
	}
	return v.Kind.String()
}

// Set sets an option from text, as flags and properties of a molecule have it:
//
//	rotate       nine numbers, by rows, with commas between
//	branches     STEP:SEED, with commas between
//	properties   NAME=VALUE, with commas between, beside those that are set
//
// The molecules of fragment and from have none. Errors are *OptionError.
func (o *Options) Set(name, text string) error {
	f, err := o.field(name)
	if err != nil {
		return err
	}
	if reason := parse(f.v, text); reason != "" {
		return bad(name, strconv.Quote(text), reason)
	}
	return nil
}

// parse sets an option from text; where it cannot, it says what was expected.
func parse(to any, text string) (reason string) {
	var err error
	switch to := to.(type) {
	case *uint64:
		if *to, err = strconv.ParseUint(text, 10, 64); err != nil {
			return "want a whole number below 2^64"
		}
	case *int:
		if *to, err = strconv.Atoi(text); err != nil {
			return "want a whole number"
		}
	case *float64:
		if *to, err = strconv.ParseFloat(text, 64); err != nil {
			return "want a number"
		}
	case *bool:
		if *to, err = strconv.ParseBool(text); err != nil {
			return "want true or false"
		}
	case *string:
		*to = text
	case *map[string]float64:
		return parseProperties(to, text)
	case **o3.Matrix:
		var numbers []float64
		for _, field := range strings.Split(text, ",") {
			v, err := strconv.ParseFloat(strings.TrimSpace(field), 64)
			if err != nil {
				return "want nine numbers with commas between"
			}
			numbers = append(numbers, v)
		}
		if len(numbers) != 9 {
			return strconv.Itoa(len(numbers)) + " numbers, want nine"
		}
		*to = matrix(numbers)
	case *[]Branch:
		*to = nil
		for _, field := range strings.Split(text, ",") {
			step, seed, _ := strings.Cut(field, ":")
			n, err := strconv.Atoi(step)
			s, err2 := strconv.ParseUint(seed, 10, 64)
			if err != nil || err2 != nil {
				return "want STEP:SEED"
			}
			*to = append(*to, Branch{n, s})
		}
	default:
		return "want a file"
	}
	return ""
}

func parseProperties(to *map[string]float64, text string) (reason string) {
	for _, field := range strings.Split(text, ",") {
		name, value, ok := strings.Cut(field, "=")
		v, err := strconv.ParseFloat(value, 64)
		if _, twice := (*to)[name]; !ok || name == "" || err != nil || twice {
			return "want NAME=VALUE, each name once"
		}
		if *to == nil {
			*to = map[string]float64{}
		}
		(*to)[name] = v
	}
	return ""
}

// text is an option as Set reads it, empty for the zero value. Of molecules it is
// the number of atoms, or of molecules.
func text(v any) string {
	var words []string
	switch v := v.(type) {
	case *uint64:
		if *v > 0 {
			return strconv.FormatUint(*v, 10)
		}
	case *int:
		if *v != 0 {
			return strconv.Itoa(*v)
		}
	case *float64:
		if *v != 0 {
			return number(*v)
		}
	case *bool:
		if *v {
			return "true"
		}
	case *string:
		return *v
	case *map[string]float64:
		for name, x := range *v {
			words = append(words, name+"="+number(x))
		}
		slices.Sort(words)
	case **o3.Matrix:
		if *v != nil {
			for _, row := range **v {
				for _, x := range row {
					words = append(words, number(x))
				}
			}
		}
	case *[]Branch:
		for _, b := range *v {
			words = append(words, strconv.Itoa(b.Step)+":"+strconv.FormatUint(b.Seed, 10))
		}
	case **molecule.Molecule:
		if *v != nil {
			return strconv.Itoa(len((*v).Elements))
		}
	case *[]*molecule.Molecule:
		if len(*v) > 0 {
			return strconv.Itoa(len(*v))
		}
	}
	return strings.Join(words, ",")
}

// Text is an option as Set reads it, empty where it has its default. Of fragment it
// is the number of atoms, of from that of molecules.
func (o *Options) Text(name string) string {
	f, err := o.field(name)
	if err != nil {
		return ""
	}
	return text(f.v)
}

// MarshalJSON writes the options that are not their zero value, as UnmarshalJSON
// reads them.
func (o Options) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for _, f := range o.fields() {
		t := text(f.v)
		if t == "" {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(json.AppendString(b, f.name), ':')
		b = write(b, f.v, t)
	}
	return append(b, '}'), nil
}

// write appends the JSON of an option that is not zero, t its text.
func write(b []byte, v any, t string) []byte {
	switch v := v.(type) {
	case *uint64, *int, *float64, *bool:
		return append(b, t...)
	case *map[string]float64:
		for i, pair := range strings.Split(t, ",") {
			name, value, _ := strings.Cut(pair, "=")
			b = append(append(json.AppendString(append(b, "{,"[min(i, 1)]), name), ':'), value...)
		}
		return append(b, '}')
	case **o3.Matrix:
		return append(append(append(b, '['), t...), ']')
	case *[]Branch:
		for i, x := range *v {
			b = append(b, "[,"[min(i, 1)])
			b = append(b, `{"step":`+strconv.Itoa(x.Step)+`,"seed":`+strconv.FormatUint(x.Seed, 10)+`}`...)
		}
		return append(b, ']')
	case **molecule.Molecule:
		return writeMolecule(b, *v)
	case *[]*molecule.Molecule:
		for i, m := range *v {
			b = writeMolecule(append(b, "[,"[min(i, 1)]), m)
		}
		return append(b, ']')
	}
	return json.AppendString(b, t)
}

func writeMolecule(b []byte, m *molecule.Molecule) []byte {
	b = append(b, `{"elements":`...)
	for i, e := range m.Elements {
		b = json.AppendString(append(b, "[,"[min(i, 1)]), e.Symbol())
	}
	b = append(b, `],"positions":`...)
	for i, p := range m.Positions {
		for k, x := range p {
			b = append(append(b, "[,"[min(i+k, 1)]), number(x)...)
		}
	}
	return append(b, "]}"...)
}
