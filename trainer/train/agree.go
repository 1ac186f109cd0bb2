package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/symdiff-go/symdiff/trainer/dataset"
)

// settled are the options that make a run what it is: what its network learns from a batch, and its
// seed. They are those of its checkpoint; --init starts a new run from its weights with others.
func (o *Options) settled() []setting {
	loss := o.Loss
	if loss == "" {
		loss = lossL2
	}
	return []setting{
		{"elements", o.Elements}, {"charge", o.Charge}, {"schedule", o.Schedule}, {"timesteps", o.Timesteps}, {"loss", loss},
		{"condition", o.Condition}, {"fragments", o.Fragments}, {"seed", o.Seed},
	}
}

// settled are the settings that make rounds of post-training comparable.
func (p *Posttraining) settled() []setting {
	return []setting{
		{"method", p.Method}, {"samples", p.Samples}, {"scale", p.Scale}, {"reward", p.Reward},
		{"reward-below", p.RewardBelow}, {"group", p.Group}, {"mix", p.Mix},
		{"positives", p.Positives}, {"seed", p.Train.Seed},
	}
}

// setting is an option by its flag.
type setting struct {
	flag  string
	value any
}

// changed says which of a run's settings are not those that it was begun with; empty if none.
func changed(before, now []setting) string {
	for i, s := range before {
		if was, is := fmt.Sprint(s.value), fmt.Sprint(now[i].value); was != is {
			return fmt.Sprintf("--%s %s: it was begun with %s", s.flag, is, was)
		}
	}
	return ""
}

// changedData tells whether a resumed run reads other molecules than before; empty if not. A run
// may begin or cease to validate.
func changedData(flag string, before, now []dataset.Source) string {
	if len(before) == 0 || len(now) == 0 && flag == "val" {
		return ""
	}
	describe := func(list []dataset.Source) string {
		text := make([]string, len(list))
		for i, s := range list {
			text[i] = fmt.Sprintf("%q (SHA-256 %.8s, %d molecules)", s.File, s.SHA256, s.Molecules)
		}
		return strings.Join(text, ", ")
	}
	same := slices.EqualFunc(before, now, func(a, b dataset.Source) bool {
		return a.SHA256 == b.SHA256 && a.Filter == b.Filter && a.Molecules == b.Molecules
	})
	if same {
		return ""
	}
	return fmt.Sprintf("--%s: %s are not the molecules of the checkpoint, %s", flag, describe(now),
		describe(before))
}

// perProcess are the options in which the processes of one job may differ.
var perProcess = []string{"Data", "Val", "Out", "Resume", "Init", "Teacher", "Guide", "NFT",
	"Reader", "Command", "Threads", "Device"}

// fingerprint lists what the processes of a job must have alike: each option, the molecules and the
// state that they go on from.
func (o *Options) fingerprint(data, val []dataset.Source, p Progress) []setting {
	var list []setting
	v := reflect.ValueOf(*o)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; !slices.Contains(perProcess, name) {
			list = append(list, setting{name, v.Field(i).Interface()})
		}
	}
	sums := func(sources []dataset.Source) (sums []string) {
		for _, s := range sources {
			sums = append(sums, fmt.Sprint(s.SHA256, s.Filter, s.Molecules))
		}
		return sums
	}
	p.Seconds = 0
	return append(list, setting{"data", sums(data)}, setting{"val", sums(val)},
		setting{"checkpoint", p})
}

// numbers are the settings as MPI carries them: six bytes of the SHA-256 of each, which a float64
// holds exactly.
func numbers(list []setting) []float64 {
	out := make([]float64, len(list))
	for i, s := range list {
		text, err := json.Marshal(s.value)
		if err != nil {
			panic(err) // plain fields
		}
		sum := sha256.Sum256(text)
		out[i] = float64(binary.LittleEndian.Uint64(sum[:]) & (1<<48 - 1))
	}
	return out
}

// disagreement names the settings in which a process is unlike the first one; empty if in none.
func disagreement(list []setting, mine, first []float64) string {
	var names []string
	for i, s := range list {
		if mine[i] != first[i] {
			names = append(names, s.flag)
		}
	}
	return strings.Join(names, ", ")
}
