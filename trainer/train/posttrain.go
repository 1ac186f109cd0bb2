package train

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/symdiff"
	"github.com/symdiff-go/symdiff/trainer/dataset"
	"github.com/symdiff-go/symdiff/trainer/evaluation"
)

// Posttraining are the settings of post-training by self-play. Each round samples from the network,
// and trains it to make molecules of the data more often and its own less often (see Contrast). It
// rests where both have the same distribution.
type Posttraining struct {
	// of a round's training; Init is the weights to start from, Out the folder of all rounds
	Train Options `json:"train"`

	Rounds   int `json:"rounds"`   // at most
	Patience int `json:"patience"` // rounds without a better score after which it ends

	// molecules sampled from the network of each round
	Samples int `json:"samples"`
	// of its sampler, which become the default of the weights; 0: the default of Init
	SampleSteps int     `json:"sample_steps,omitempty"`
	SampleRho   float64 `json:"sample_rho,omitempty"`
	// training molecules of a round, which go on where the last round ended
	Positives int     `json:"positives"`
	Beta      float64 `json:"beta"`
	From      float64 `json:"from"` // t/T
	To        float64 `json:"to"`   // t/T
	Negative  float64 `json:"negative"`
	Ramp      float64 `json:"ramp"` // t/T

	Reward string `json:"reward,omitempty"` // see Reward; empty: the data against the samples
	// with a reward, the share of the data against the samples; the data are those whose reward is
	// not below the samples' mean
	Mix float64 `json:"mix,omitempty"`
	// with a reward, t/T below which it counts; above, the data against the samples alone
	RewardBelow float64 `json:"reward_below"`
	// with a reward, an expression: samples of equal values are compared with each other alone, and
	// their shares are drawn to those of the validation molecules
	Group string `json:"group,omitempty"`
}

// PosttrainDefaults are the settings of post-training from a weights file, with its sizes and its
// meaning; with an error, those that do not follow from it.
func PosttrainDefaults(weights string) (Posttraining, error) {
	p := Posttraining{Rounds: 8, Patience: 2, Samples: 5000, Positives: 15000, Beta: 0.4, From: 0.06,
		To: 0.75, Negative: 0.9, Ramp: 0.1, Mix: 0.5, RewardBelow: 1}
	o, err := Student(weights)
	o.Teacher, o.Init = "", weights
	o.BatchAtoms, o.LR, o.Warmup, o.EMA, o.BF16, o.Steps = 1152, 4e-4, 50, 0.995, true, 1400
	o.Dropout, o.ValEvery, o.Keep, o.CheckpointEvery = 0.05, 0, 1, Duration(time.Minute)
	o.Fragments = 0
	if f, err := safetensors.Open(weights); err == nil {
		if meta, err := encoding.Parse(weights, f.Metadata); err == nil && meta.Fragments {
			o.Fragments = 0.15
		}
	}
	p.Train = o
	return p, err
}

// Validate checks the settings; an error names the flag.
func (p *Posttraining) Validate() error {
	for _, c := range []struct {
		flag string
		ok   bool
		want string
	}{
		{"--rounds", p.Rounds >= 1, "at least 1"},
		{"patience", p.Patience >= 1, "at least 1"},
		{"--samples", p.Samples >= 1, "at least 1"},
		{"--sample-steps", p.SampleSteps >= 0, "not negative"},
		{"positives", p.Positives >= 0, "not negative"},
		{"--mix", p.Mix >= 0 && p.Mix <= 1, "in [0, 1]"},
		{"--val", len(p.Train.Val) > 0, "that is given: rounds are judged by it"},
		{"stop-after", p.Train.StopAfter == 0, "of 0: it would end a round before its time"},
	} {
		if !c.ok {
			return fmt.Errorf("%s: want a value %s", c.flag, c.want)
		}
	}
	if err := encoding.CheckRho(p.SampleRho); err != nil {
		return fmt.Errorf("sample-rho: %w", err)
	}
	if p.Group != "" && p.Reward == "" {
		return errors.New("group: needs --reward")
	}
	o := p.round(0, p.Train.Init, nil, "")
	return o.Validate()
}

// sampler is that of the samples of a round, of weights.
func (p *Posttraining) sampler() symdiff.Options {
	return symdiff.Options{Steps: p.SampleSteps, Rho: p.SampleRho}
}

// round are the options of the training of round k (from 0), from weights and samples of its start.
func (p *Posttraining) round(k int, weights string, samples []string, rewards string) Options {
	o := p.Train
	positives := p.Positives
	if p.Reward != "" {
		positives = int(p.Mix * float64(positives))
	}
	o.Resume, o.Init, o.Out, o.Seed = "", weights, filepath.Join(p.folder(k), "train"),
		p.Train.Seed+uint64(k)
	o.Contrast = &Contrast{Old: weights, Anchor: p.Train.Init, RewardBelow: p.RewardBelow,
		Negative: p.Negative, Ramp: p.Ramp, Beta: p.Beta, From: p.From, To: p.To, Samples: samples,
		Rewards: rewards, First: k * positives, Count: positives, OrderSeed: p.Train.Seed}
	return o
}

func (p *Posttraining) folder(k int) string {
	return filepath.Join(p.Train.Out, fmt.Sprintf("round%d", k))
}

// Measures are what a round is judged by, of the samples of the network at its start, with the
// validation molecules beside them.
type Measures struct {
	Molecules       int     `json:"molecules"`
	StableAtoms     float64 `json:"stable_atoms"`
	StableMolecules float64 `json:"stable_molecules"`
	Valid           float64 `json:"valid"`
	Unique          float64 `json:"unique_among_valid"`
	Connected       float64 `json:"connected"`
	Sound           float64 `json:"sound"`
	Aromatic        float64 `json:"with_aromatic_ring"`
	Distances       float64 `json:"distances_jensen_shannon"` // bits, to the validation molecules
	Angles          float64 `json:"angles_jensen_shannon"`    // bits, to the validation molecules
	Reward          float64 `json:"reward,omitempty"`         // mean, where there is one

	Score float64 `json:"score"`
}

// score is the rule by which the best round is chosen,
//
//	stable molecules + unique among valid - 1 - 20·(Jensen-Shannon divergence of the distances),
//
// or the mean reward, if there is one,
//
// so that 0.0015 bits count as 3 % of the molecules, which is what lies between the demands on a
// model for each.
func (m *Measures) score(reward bool) float64 {
	if reward {
		return round(m.Reward, 1e5)
	}
	return round(m.StableMolecules+m.Unique-1-20*m.Distances, 1e5)
}

func measuresOf(e *evaluation.Evaluation) Measures {
	m := Measures{Molecules: e.Molecules, StableAtoms: round(e.StableAtoms, 1e5),
		StableMolecules: round(e.StableMolecules, 1e5), Valid: round(e.Valid, 1e5),
		Unique: round(e.UniqueAmongValid, 1e5), Connected: round(e.Connected, 1e5),
		Sound: round(e.Geometry.Plausible.Value, 1e5), Aromatic: round(e.Geometry.Rings.Value, 1e5)}
	for _, d := range e.Divergences {
		switch d.Kind {
		case "distances":
			m.Distances = round(d.JS, 1e6)
		case "angles":
			m.Angles = round(d.JS, 1e6)
		}
	}
	return m
}

// Round is a network that post-training has come to, and how: round 0 is that which it starts from.
type Round struct {
	Round    int       `json:"round"`
	Weights  string    `json:"weights"` // file
	SHA256   string    `json:"sha256"`
	Hours    float64   `json:"hours"`              // of its training
	Sampling float64   `json:"sampling_hours"`     // of its samples
	Threads  int       `json:"threads"`            // that both took
	ValLoss  float64   `json:"val_loss,omitempty"` // |eps - eps_hat|² per coordinate
	ByTime   []float64 `json:"val_loss_by_time,omitempty"`
	// |eps_hat - that of the round before|² per coordinate
	Drift    []float64 `json:"drift_by_time,omitempty"`
	Measures *Measures `json:"measures,omitempty"` // nil: not yet
}

// posttrainState is the file of a folder of post-training.
type posttrainState struct {
	Options  Posttraining `json:"options"`
	Commands []string     `json:"commands"`
	Rounds   []Round      `json:"rounds"`
	Best     int          `json:"best"`
	Done     bool         `json:"done"`
}

const posttrainName = "posttrain.json"

// ReadPosttraining are the settings of a folder of post-training that is to go on.
func ReadPosttraining(folder string) (Posttraining, error) {
	s, err := readPosttrainState(folder)
	if err != nil {
		return Posttraining{}, err
	}
	s.Options.Train.Out = folder
	return s.Options, nil
}

func readPosttrainState(folder string) (*posttrainState, error) {
	path := filepath.Join(folder, posttrainName)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := new(posttrainState)
	s.Options.RewardBelow = 1 // of runs from before there was such an option
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// write puts the state in its folder, whole at any time.
func (s *posttrainState) write(folder string) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return writeWhole(filepath.Join(folder, posttrainName), append(b, '\n'))
}

// writeWhole replaces a file of a locked folder so that it is whole at any time. A kill leaves at
// most one PATH.new, which the next call overwrites.
func writeWhole(path string, b []byte) error {
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// choose is the round of the best score, the earliest of equal ones, and whether there is no better
// one to be hoped for.
func (s *posttrainState) choose() (best int, over bool) {
	for k, r := range s.Rounds {
		if r.Measures == nil {
			return best, false
		}
		if r.Measures.Score > s.Rounds[best].Measures.Score {
			best = k
		}
	}
	last := len(s.Rounds) - 1
	return best, last >= s.Options.Rounds || last-best >= s.Options.Patience
}

// PosttrainStage is what the provenance of weights says of post-training.
type PosttrainStage struct {
	Command string           `json:"command"`
	From    string           `json:"from_sha256"` // weights that it started from
	Options PosttrainSummary `json:"options"`
	Rounds  []Round          `json:"rounds"` // up to the one that the weights are of

	Data []dataset.Source `json:"data"` // beside the samples
	Val  []dataset.Source `json:"val"`
}

// PosttrainSummary are the settings of post-training that are not those of training.
type PosttrainSummary struct {
	Samples     int     `json:"samples"`
	SampleSteps int     `json:"sample_steps,omitempty"`
	SampleRho   float64 `json:"sample_rho,omitempty"`
	Positives   int     `json:"positives"`
	Beta        float64 `json:"beta"`
	From        float64 `json:"from"`
	To          float64 `json:"to"`
	Negative    float64 `json:"negative"`
	Ramp        float64 `json:"ramp"`
	Steps       int     `json:"steps"`
	LR          float64 `json:"lr"`
	Reward      string  `json:"reward,omitempty"`
	Mix         float64 `json:"mix,omitempty"`
	RewardBelow float64 `json:"reward_below,omitempty"`
	Group       string  `json:"group,omitempty"`
}

// summary are the settings that the provenance tells.
func (p *Posttraining) summary() PosttrainSummary {
	s := PosttrainSummary{p.Samples, p.SampleSteps, p.SampleRho, p.Positives, p.Beta, p.From, p.To,
		p.Negative, p.Ramp, p.Train.Steps, p.Train.LR, "", 0, 0, ""}
	if p.Reward != "" {
		s.Reward, s.Mix, s.RewardBelow, s.Group = shareableReward(p.Reward), p.Mix, p.RewardBelow, p.Group
	}
	return s
}

// provenance adds the stage to what weights say of their training.
func (p *Posttraining) provenance(before json.RawMessage, s *posttrainState, k int,
	round Provenance) (json.RawMessage, error) {
	var all Provenance
	if len(before) > 0 {
		if err := json.Unmarshal(before, &all); err != nil {
			return nil, fmt.Errorf("metadata training: %w", err)
		}
	}
	command := ""
	for i, c := range s.Commands {
		if i > 0 {
			command += " && "
		}
		command += c
	}
	stage := PosttrainStage{Command: command, From: s.Rounds[0].SHA256, Options: p.summary()}
	stage.Rounds = append(stage.Rounds, s.Rounds[:k+1]...)
	stage.Data, stage.Val = shareable(round.Data), shareable(round.Val)
	all.Posttraining = append(all.Posttraining, stage)
	return json.Marshal(all)
}

// hashOf is the SHA-256 of a file, in hexadecimal.
func hashOf(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
