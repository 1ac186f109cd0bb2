package train

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/trainer/dataset"
	"github.com/symdiff-go/symdiff/trainer/evaluation"
)

// Methods of post-training.
const (
	DiffusionNFT = "diffusionnft"
	TaskVector   = "task-vector"
)

// Posttraining are the settings of post-training by self-play. Each round samples molecules from
// the network theta, and changes it so that its samples become more like the data. It rests where
// both have the same distribution. There are two methods.
//
// DiffusionNFT (Zheng et al. 2025, arXiv 2509.16117) trains the network to make molecules of the
// data more often and its own less often (see NFT).
//
// TaskVector fine-tunes two copies of the network for a short time, by the objective of training:
// an expert on the data, and a weak one on the samples. Their difference is a task vector
// (Ilharco et al. 2023, arXiv 2212.04089),
//
//	theta <- theta + w·(theta_expert - theta_weak)
//
// To first order the new network predicts e + w·(e_expert - e_weak), which is guidance by the
// gradient of log p_data(z)/p_samples(z) (SIMS, Alemohammad et al. 2024, arXiv 2408.16333), at the
// cost of one network. What fine-tuning itself does to a network cancels. w is Scale. With a Reward
// the weak copy sees only the samples below their mean reward, the poor ones, and w falls with
// their share, for guidance from all samples to the good ones is p(poor | z)·(e_good - e_poor): it
// is Scale·poor_k/poor_0 in round k. A round that is no better than the best one is a step too far:
// the next goes from the best one again, with its copies and half of that w.
//
// With a Reward, the data are those molecules of the training set whose reward is not below the
// mean of the samples. Where a reward judges bonds and geometry, which come about at a low t,
// RewardBelow bounds the times at which it counts. Above it a round compares the data with all
// samples, so that the choice of the molecule follows the data, and kinds of molecules that are
// hard to make do not become rare.
type Posttraining struct {
	// of the trainings of a round; Init is the weights to start from, Out the folder of all rounds
	Train Options `json:"train"`

	Method string `json:"method"`

	Rounds   int `json:"rounds"`   // at most
	Patience int `json:"patience"` // rounds without a better score after which it ends

	// molecules sampled from the network of each round
	Samples     int     `json:"samples"`
	Reward      string  `json:"reward,omitempty"` // see newRewarder; empty: none
	RewardBelow float64 `json:"reward_below"`     // with a reward, t/T below which it counts
	// training molecules of a round, in each round others; for TaskVector without a reward all are
	Positives int `json:"positives"`

	Scale float64 `json:"scale,omitempty"` // of TaskVector: w of the first round

	// of DiffusionNFT, see NFT
	Beta     float64 `json:"beta,omitempty"`
	From     float64 `json:"from,omitempty"`
	To       float64 `json:"to,omitempty"`
	Ramp     float64 `json:"ramp,omitempty"`
	Negative float64 `json:"negative,omitempty"`
	Mix      float64 `json:"mix,omitempty"` // with a reward, share of the data against the samples

	// with a reward, an expression over measures of a molecule: samples of equal values are compared
	// with each other alone (see sampleWeights and poorMolecules)
	Group string `json:"group,omitempty"`
}

// PosttrainDefaults are the settings of post-training from a weights file by a method, with its
// sizes and its meaning; with an error, those that do not follow from it.
func PosttrainDefaults(weights, method string) (Posttraining, error) {
	p := Posttraining{Method: method, Rounds: 8, Patience: 2, Samples: 5000, RewardBelow: 1}
	if method == TaskVector {
		p.Positives, p.Scale = 20000, 1
	} else {
		p.Positives, p.Beta, p.From, p.To, p.Ramp, p.Negative, p.Mix = 15000, 0.4, 0.06, 0.75, 0.1, 0.9, 0.5
	}
	o, err := Student(weights)
	o.Teacher, o.Init = "", weights
	o.BatchAtoms, o.BF16 = 1152, true
	o.LR, o.Warmup, o.EMA, o.Steps = 4e-4, 50, 0.995, 1400
	if method == TaskVector {
		o.LR, o.Warmup, o.EMA, o.Steps = 2e-4, 20, 0.99, 400
	}
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
	vector := p.Method == TaskVector
	for _, c := range []struct {
		flag string
		ok   bool
		want string
	}{
		{"--method", vector || p.Method == DiffusionNFT, "of " + DiffusionNFT + " or " + TaskVector},
		{"--rounds", p.Rounds >= 1, "at least 1"},
		{"patience", p.Patience >= 1, "at least 1"},
		{"--samples", p.Samples >= 1, "at least 1"},
		{"positives", p.Positives >= 1, "at least 1"},
		{"reward-below", p.RewardBelow > 0 && p.RewardBelow <= 1, "above 0, at most 1"},
		{"scale", vector == (p.Scale > 0) && p.Scale <= 10,
			"above 0, at most 10, with --method task-vector"},
		{"mix", p.Mix >= 0 && p.Mix <= 1 && !(vector && p.Mix > 0), "in [0, 1], with --method diffusionnft"},
		{"beta, from, to, ramp, negative", !vector || p.Beta == 0 && p.From == 0 && p.To == 0 &&
			p.Ramp == 0 && p.Negative == 0, "of 0 with --method task-vector"},
		{"group", p.Group == "" || p.Reward != "", "with --reward"},
		{"--val", len(p.Train.Val) > 0, "that is given: rounds are judged by it"},
		{"stop-after", p.Train.StopAfter == 0, "of 0: it would end a round before its time"},
	} {
		if !c.ok {
			return fmt.Errorf("%s: want a value %s", c.flag, c.want)
		}
	}
	if p.Train.Teacher != "" {
		return errors.New("--teacher: not in post-training, which learns from the noise")
	}
	for _, name := range p.Train.Condition {
		if name != Types {
			return fmt.Errorf("post-training: the network is conditioned on %s, "+
				"which its own samples do not tell", name)
		}
	}
	o := p.copy(0, expert, p.Train.Init, nil)
	if !vector {
		o = p.round(0, p.Train.Init, p.Train.Data)
	}
	return o.Validate()
}

// The copies of the network that a round of TaskVector fine-tunes, and the folders of their runs.
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

// round are the options of the training of round k of DiffusionNFT, from weights, on files that it
// has written.
func (p *Posttraining) round(k int, weights string, written []string) Options {
	o := p.copy(k, "train", weights, written)
	o.NFT = &NFT{Old: weights, Anchor: p.Train.Init, Beta: p.Beta, From: p.From, To: p.To,
		Ramp: p.Ramp, Negative: p.Negative, Data: p.contrasted() > 0}
	if p.Reward != "" {
		o.NFT.Rewards, o.NFT.RewardBelow = p.rewardFile(k), p.RewardBelow
	}
	return o
}

// contrasted is the number of training molecules of a round of DiffusionNFT.
func (p *Posttraining) contrasted() int {
	if p.Reward != "" {
		return int(p.Mix * float64(p.Positives))
	}
	return p.Positives
}

// rewardFile is what the rewards make of the samples of round k of DiffusionNFT.
func (p *Posttraining) rewardFile(k int) string {
	return filepath.Join(p.folder(k), "rewards.json")
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
	Hours    float64   `json:"hours"`              // of the training that made it; 0: w was halved
	Sampling float64   `json:"sampling_hours"`     // of its samples
	Threads  int       `json:"threads"`            // that both took
	Scale    float64   `json:"scale,omitempty"`    // of TaskVector: w
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
	if s.Options.Method == "" {
		return nil, fmt.Errorf("%s: method: is missing, as in files of earlier versions, "+
			"which cannot go on; choose another --out", path)
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
	// without samples below the mean there is nothing for a weak copy
	settled := s.Options.Reward != "" && s.Options.Method == TaskVector &&
		s.Rounds[best].Measures.Below == 0
	return best, settled || last >= s.Options.Rounds || last-best >= s.Options.Patience
}

// base is the round that the next one starts from.
func (s *posttrainState) base() int {
	if s.Options.Method == TaskVector {
		return s.Best
	}
	return len(s.Rounds) - 1
}

// scale is w of the next round of TaskVector.
func (s *posttrainState) scale() float64 {
	k := s.base()
	w := math.Ldexp(s.Options.Scale, k+1-len(s.Rounds))
	if s.Options.Reward == "" {
		return w
	}
	return w * float64(s.Rounds[k].Measures.Below) / float64(s.Rounds[0].Measures.Below)
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
	Method      string  `json:"method"`
	Samples     int     `json:"samples"`
	Steps       int     `json:"steps"`
	LR          float64 `json:"lr"`
	Reward      string  `json:"reward,omitempty"`
	RewardBelow float64 `json:"reward_below,omitempty"`
	Positives   int     `json:"positives,omitempty"`
	Scale       float64 `json:"scale,omitempty"`
	Beta        float64 `json:"beta,omitempty"`
	From        float64 `json:"from,omitempty"`
	To          float64 `json:"to,omitempty"`
	Ramp        float64 `json:"ramp,omitempty"`
	Negative    float64 `json:"negative,omitempty"`
	Mix         float64 `json:"mix,omitempty"`
	Group       string  `json:"group,omitempty"`
}

// summary are the settings that the provenance states.
func (p *Posttraining) summary() PosttrainSummary {
	s := PosttrainSummary{Method: p.Method, Samples: p.Samples, Steps: p.Train.Steps, LR: p.Train.LR,
		Scale: p.Scale, Beta: p.Beta, From: p.From, To: p.To, Ramp: p.Ramp, Negative: p.Negative}
	if p.Reward != "" {
		s.Reward, s.RewardBelow = shareableReward(p.Reward), p.RewardBelow
		s.Mix, s.Group = p.Mix, p.Group
	}
	if p.Reward != "" || p.Method == DiffusionNFT {
		s.Positives = p.Positives
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
	for _, r := range s.Rounds[:k+1] {
		r.Weights = dataset.ShareableArgument(r.Weights)
		stage.Rounds = append(stage.Rounds, r)
	}
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
