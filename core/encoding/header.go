package encoding

import (
	"sort"
	"strconv"

	"github.com/symdiff-go/symdiff/core/internal/header"
	"github.com/symdiff-go/symdiff/core/internal/json"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// Describe adds m to the metadata of a file, where it says anything.
func (m Meta) Describe(md map[string]string) {
	if !m.Defined() {
		return
	}
	var b []byte
	for i, e := range m.Elements {
		b = json.AppendString(append(b, "[,"[min(i, 1)]), e)
	}
	md["elements"] = string(append(b, ']'))
	md["charge"] = strconv.FormatBool(m.Charge)
	md["scale"] = `{"x":` + formatFloat(m.ScaleX) + `,"types":` + formatFloat(m.ScaleTypes) +
		`,"charge":` + formatFloat(m.ScaleCharge) + `}`
	md["schedule"] = string(json.AppendString([]byte(`{"name":`), m.Schedule.Name)) +
		`,"timesteps":` + strconv.Itoa(m.Schedule.Timesteps) + `,"precision":` + formatFloat(m.Schedule.Precision) + `}`
	if len(m.Context) > 0 {
		md["context"] = contextJSON(m.Context)
	}
	if len(m.Histogram) > 0 {
		md["histogram"] = histogramJSON(m.Histogram)
	}
	if m.Moments != nil {
		md["moments"] = m.Moments.json()
	}
	if len(m.Compositions) > 0 {
		md["compositions"] = compositionsJSON(m.Compositions)
	}
	if m.Fragments {
		md["parts"] = "true"
	}
	if s := m.Sampling; s != (Sampling{}) {
		md["sampling"] = string(json.AppendString([]byte(`{"method":`), s.Method)) + `,"steps":` +
			strconv.Itoa(s.Steps) + `,"rho":` + formatFloat(s.Rho) + `}`
	}
	if m.Training != nil {
		md["training"] = string(m.Training)
	}
}

func contextJSON(list []Quantity) string {
	var b []byte
	for i, q := range list {
		b = append(
			json.AppendString(append(append(b, "[,"[min(i, 1)]), `{"name":`...), q.Name),
			`,"mean":`+formatFloat(q.Mean)+`,"mad":`+formatFloat(q.MAD)+`}`...)
	}
	return string(append(b, ']'))
}

func histogramJSON(h map[int]int) string {
	sizes := make([]int, 0, len(h))
	for n := range h {
		sizes = append(sizes, n)
	}
	sort.Ints(sizes)
	var b []byte
	for i, n := range sizes {
		b = append(b, "{,"[min(i, 1)])
		b = append(b, `"`+strconv.Itoa(n)+`":`+strconv.Itoa(h[n])...)
	}
	return string(append(b, '}'))
}

// Parse reads the meaning of the inputs from metadata of any kind of
// network; Meta is empty where they do not tell it. A learned noise schedule is
// known by its name only: see ReadSchedule.
func Parse(file string, md map[string]string) (Meta, error) {
	if _, ok := md["elements"]; !ok {
		return Meta{}, nil
	}
	p := reader{header.Reader{File: file, Metadata: md}}
	m := p.meta()
	if p.Err != nil {
		return Meta{}, p.Err
	}
	if err := m.Validate(); err != nil {
		return Meta{}, &safetensors.Error{File: file, Reason: "metadata: " + err.Error()}
	}
	return m, nil
}

// Read is Parse of a file's header, with the tensors of a noise schedule that has
// some.
func Read(f *safetensors.File) (Meta, error) {
	m, err := Parse(f.Name, f.Metadata)
	if err != nil {
		return Meta{}, err
	}
	return m, m.ReadSchedule(f)
}

type reader struct{ header.Reader }

func (p *reader) meta() Meta {
	m := Meta{Charge: p.Flag("charge", true)}
	if v := p.JSON("elements"); v.Kind == json.Array && len(v.Items) <= 256 {
		for _, e := range v.Items {
			m.Elements = append(m.Elements, e.Text)
		}
	} else {
		p.Fail("elements", "want a list of symbols")
	}
	scale := p.Object("scale")
	m.ScaleX = p.Number("scale", scale, "x")
	m.ScaleTypes = p.Number("scale", scale, "types")
	m.ScaleCharge = p.Number("scale", scale, "charge")
	s := p.Object("schedule")
	if name, ok := s.Get("name"); ok {
		m.Schedule.Name = name.Text
	}
	m.Schedule.Timesteps, m.Schedule.Precision = p.Int("schedule", s, "timesteps"), p.Number(
		"schedule",
		s,
		"precision",
	)
	if _, ok := p.Metadata["context"]; ok {
		m.Context = p.context(p.JSON("context"))
	}
	if _, ok := p.Metadata["histogram"]; ok {
		m.Histogram = map[int]int{}
		h := p.Object("histogram")
		for i, k := range h.Keys {
			n, err := strconv.Atoi(k)
			count, ok := h.Items[i].Int()
			if err != nil || !ok {
				p.Fail("histogram", strconv.Quote(k)+": want numbers of atoms and of molecules")
				break
			}
			m.Histogram[n] = int(count)
		}
	}
	if _, ok := p.Metadata["moments"]; ok {
		m.Moments = p.moments()
	}
	if _, ok := p.Metadata["compositions"]; ok {
		m.Compositions = p.compositions()
	}
	m.Fragments = p.Flag("parts", false)
	if _, ok := p.Metadata["sampling"]; ok {
		s := p.Object("sampling")
		method, _ := s.Get("method")
		m.Sampling = Sampling{method.Text, p.Int("sampling", s, "steps"), p.Number("sampling", s, "rho")}
	}
	if t, ok := p.Metadata["training"]; ok {
		if v := p.JSON("training"); v.Kind != json.Object {
			p.Fail("training", "want an object")
		}
		m.Training = []byte(t)
	}
	return m
}

func (p *reader) context(v json.Value) (list []Quantity) {
	if v.Kind != json.Array || len(v.Items) > 32 {
		p.Fail("context", "want an array of properties")
		return nil
	}
	for _, item := range v.Items {
		name, _ := item.Get("name")
		q := Quantity{
			name.Text,
			p.Number("context", item, "mean"),
			p.Number("context", item, "mad"),
		}
		if q.Name == "" || !(q.MAD > 0) {
			p.Fail("context", "want a name and a positive mad")
		}
		list = append(list, q)
	}
	return list
}
