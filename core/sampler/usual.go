package sampler

import (
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/schedule"
)

// The usual sampler: on the shipped model (core/weights/qm9-web.md) better than any
// other that was measured, those of up to 1001 calls too.
const (
	usualMethod = DPMSDE
	usualAlpha2 = 0.41 // alpha² of the late start: t = 600 of polynomial_2 with T = 1000
	usualSteps  = 40   // from there
	wholeSteps  = 50   // from T

	usualResample = 10
)

// Usual fills in what o leaves open of Method, Start, Steps and Resample (empty,
// 0, 0 and 0) with the usual sampler:
//
//	Method    dpm++2m-sde; ancestral with what is given by replacement, which needs it (see Known, compose)
//	Start     with dpm++2m-sde, no Steps, no Values, no Composition but as given types, and moments of the data in meta: the
//	          first t with alpha_t² <= 0.41; else T
//	Steps     with dpm++2m-sde: 40 after a late start, 50 from T; else one for each time
//	Resample  10 with what is given by replacement
//
// A run that names its steps starts at T unless it names its start. The moments
// are of all the data: what is asked for values or a composition starts from
// noise, but where the types are given (see model.TypesName), since the positions
// of all compositions have about the same.
func (o Options) Usual(meta model.Meta) Options {
	last := meta.Schedule.Timesteps
	typed := meta.TakesTypes() && !o.FreeTypes
	replaced := o.Known != nil && !o.takenParts(meta) || len(o.Composition) > 0 && !meta.Composed() && !typed
	if o.Method == "" {
		o.Method = usualMethod
		if replaced {
			o.Method = Ancestral
		}
	}
	if o.Resample == 0 && replaced {
		o.Resample = usualResample
	}
	open := o.Start == 0 && o.Steps == 0 && len(o.Values) == 0 && (len(o.Composition) == 0 || typed)
	if open && o.Method == usualMethod && meta.Moments != nil {
		o.Start = lateStart(meta.Schedule)
	}
	if o.Start == last {
		o.Start = 0 // T
	}
	if o.Steps > 0 {
		return o
	}
	times, steps := last, wholeSteps
	if o.Start > 0 {
		times, steps = o.Start, usualSteps
	}
	if o.Steps = times; o.Method == usualMethod {
		o.Steps = min(steps, times)
	}
	return o
}

// lateStart is the time of the usual late start; 0 of a schedule that New refuses.
func lateStart(spec schedule.Spec) int {
	s, err := schedule.New(spec)
	if err != nil {
		return 0
	}
	t := 0
	for t < s.T() && s.Alpha2(t) > usualAlpha2 {
		t++
	}
	return t
}
