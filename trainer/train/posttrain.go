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

// Posttraining are the settings of post-training by self-play. Each round samples molecules from
// the network theta and fine-tunes two copies of it for a short time, by the objective of training:
// an expert on the data, and a weak one on the samples. Their difference is a task vector,
//
//	theta <- theta + w·(theta_expert - theta_weak)
//
// To first order the new network predicts e + w·(e_expert - e_weak), which is guidance by the
// gradient of log p_data(z)/p_samples(z), at the cost of one network. It rests where the samples
// have the distribution of the data; what fine-tuning itself does to a network cancels. w is Scale.
//
// With a Reward the weak copy sees only the samples below their mean reward, and the expert only
// the data that are not below it. Guidance from all samples to the good ones is
// p(poor | z)·(e_good - e_poor), so w falls with the share of the poor ones: it is
// Scale·poor_k/poor_0 in round k. Where a reward judges bonds and geometry, which come about at a
// low t, RewardBelow bounds the times at which the weak copy sees the poor samples alone. Above it
// sees all samples, so that the choice of the molecule follows the data, and kinds of molecules
// that are hard to make do not become rare.
//
// Sources: guidance away from a network that was trained on own samples (SIMS, Alemohammad et al.
// 2024, arXiv 2408.16333); task vectors (Ilharco et al. 2023, arXiv 2212.04089).
type Posttraining struct {
	// of the fine-tuning of each copy; Init is the weights to start from, Out the folder of all rounds
	Train Options `json:"train"`

	Rounds   int `json:"rounds"`   // at most
	Patience int `json:"patience"` // rounds without a better score after which it ends

	// molecules sampled from the network of each round
	Samples int `json:"samples"`
	// of its sampler, which become the default of the weights; 0: the default of Init
	SampleSteps int     `json:"sample_steps,omitempty"`
	SampleRho   float64 `json:"sample_rho,omitempty"`

	Scale float64 `json:"scale"` // w of the first round

	Reward string `json:"reward,omitempty"` // see newRewarder; empty: none
	// with a reward, t/T below which the weak copy learns the poor samples only
	RewardBelow float64 `json:"reward_below"`
	// with a reward, molecules of the data for the expert, in each round others
	Positives int `json:"positives"`
}

// PosttrainDefaults are the settings of post-training from a weights file, with its sizes and its
// meaning; with an error, those that do not follow from it.
func PosttrainDefaults(weights string) (Posttraining, error) {
	p := Posttraining{Rounds: 8, Patience: 2, Samples: 5000, Scale: 1, RewardBelow: 1,
		Positives: 20000}
	o, err := Student(weights)
	o.Teacher, o.Init = "", weights
	o.BatchAtoms, o.LR, o.Warmup, o.EMA, o.BF16, o.Steps = 1152, 2e-4, 20, 0.99, true, 400
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
		{"positives", p.Positives >= 1, "at least 1"},
		{"reward-below", p.RewardBelow > 0 && p.RewardBelow <= 1, "above 0, at most 1"},
		{"--scale", p.Scale > 0 && p.Scale <= 10, "above 0, at most 10"},
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
	if p.Train.Teacher != "" {
		return errors.New("--teacher: not in post-training, whose copies learn the noise")
	}
	for _, name := range p.Train.Condition {
		if name != Types {
			return fmt.Errorf("post-training: the network is conditioned on %s, "+
				"which its own samples do not tell", name)
		}
	}
	o := p.copy(0, expert, p.Train.Init, nil)
	return o.Validate()
}

// sampler is that of the samples of a round, of weights.
func (p *Posttraining) sampler() symdiff.Options {
	return symdiff.Options{Steps: p.SampleSteps, Rho: p.SampleRho}
}

// The copies of the network that a round fine-tunes, and the folders of their runs.
const (
	expert = "expert"
	weak   = "weak"
)

// copy are the options of the fine-tuning of a copy of the network of round k, from weights, on
// files that the round has written, of which no molecule is skipped, or on the data where there are
// none. Both copies have one seed.
func (p *Posttraining) copy(k int, name, weights string, written []string) Options {
	o := p.Train
	if written != nil {
		o.Data, o.Reader, o.Limit = written, nil, 0
	}
	o.Resume, o.Init, o.Val = "", weights, nil
	o.Out, o.Seed = filepath.Join(p.folder(k), name), p.Train.Seed+uint64(k)
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
	Below           int     `json:"below_mean,omitempty"`     // samples whose reward is below the mean

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
	Hours    float64   `json:"hours"`              // of the fine-tuning of both copies
	Sampling float64   `json:"sampling_hours"`     // of its samples
	Threads  int       `json:"threads"`            // that both took
	Measures *Measures `json:"measures,omitempty"` // nil: not yet
}

// posttrainState is the file of a folder of post-training.
type posttrainState struct {
	Options  Posttraining     `json:"options"`
	Commands []string         `json:"commands"`
	Data     []dataset.Source `json:"data"`
	Val      []dataset.Source `json:"val"`
	Rounds   []Round          `json:"rounds"`
	Best     int              `json:"best"`
	Done     bool             `json:"done"`
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
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	missing := ""
	switch {
	case s.Options.Scale == 0:
		missing = "scale"
	case s.Options.RewardBelow == 0:
		missing = "reward_below"
	}
	if missing != "" {
		return nil, fmt.Errorf("%s: %s: is missing, as in files of earlier versions, "+
			"which cannot go on; choose another --out", path, missing)
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
	// without samples below the mean there is nothing for the weak copy
	settled := s.Options.Reward != "" && s.Rounds[last].Measures.Below == 0
	return best, settled || last >= s.Options.Rounds || last-best >= s.Options.Patience
}

// scale is w of the round that goes on from the network of round k.
func (s *posttrainState) scale(k int) float64 {
	if s.Options.Reward == "" {
		return s.Options.Scale
	}
	return s.Options.Scale * float64(s.Rounds[k].Measures.Below) / float64(s.Rounds[0].Measures.Below)
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
	Scale       float64 `json:"scale"`
	Steps       int     `json:"steps"`
	LR          float64 `json:"lr"`
	Reward      string  `json:"reward,omitempty"`
	RewardBelow float64 `json:"reward_below,omitempty"`
	Positives   int     `json:"positives,omitempty"`
}

// summary are the settings that the provenance tells.
func (p *Posttraining) summary() PosttrainSummary {
	s := PosttrainSummary{Samples: p.Samples, SampleSteps: p.SampleSteps, SampleRho: p.SampleRho,
		Scale: p.Scale, Steps: p.Train.Steps, LR: p.Train.LR}
	if p.Reward != "" {
		s.Reward, s.RewardBelow, s.Positives = shareableReward(p.Reward), p.RewardBelow, p.Positives
	}
	return s
}

// provenance adds the stage to what weights say of their training.
func (p *Posttraining) provenance(before json.RawMessage, s *posttrainState,
	k int) (json.RawMessage, error) {
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
	stage.Data, stage.Val = shareable(s.Data), shareable(s.Val)
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
