package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/trainer/dataset"
)

// Buffers of a checkpoint, each with a tensor BUFFER/NAME for every parameter.
const (
	bufParam = "param"
	bufEMA   = "ema"
	bufM     = "adam_m"
	bufV     = "adam_v"
	bufVMax  = "adam_vmax" // with AMSGrad only
)

// Progress is where a run stands.
type Progress struct {
	Step     int     `json:"step"`
	Epoch    int     `json:"epoch"`                   // of the next batch
	Position int     `json:"position"`                // of the next batch in its epoch
	Epochs   float64 `json:"epochs"`                  // passed, with fraction
	Seconds  float64 `json:"seconds"`                 // spent, over all resumes
	Done     bool    `json:"done"`                    // the run reached its end
	Best     float64 `json:"best_val_loss,omitempty"` // the lowest so far

	// of a step, over all processes and accumulated parts
	BatchAtoms int `json:"batch_atoms,omitempty"`

	Norms clipping `json:"norms,omitempty"` // with AdaptiveClip
}

// Validation is one entry of a run's history.
type Validation struct {
	Step    int     `json:"step"`
	Epochs  float64 `json:"epochs"`
	Seconds float64 `json:"seconds"`
	Loss    float64 `json:"val_loss"` // mean |eps - eps_hat|² per coordinate, over molecules
}

// Provenance says where weights come from; it becomes the metadata "training" of an exported model.
type Provenance struct {
	Command       string           `json:"command"`
	Seed          uint64           `json:"seed"`
	Data          []dataset.Source `json:"data"`
	Val           []dataset.Source `json:"val,omitempty"`
	Molecules     int              `json:"molecules"`
	Steps         int              `json:"steps"`
	Epochs        float64          `json:"epochs"`
	Hours         float64          `json:"hours"`
	EMA           float64          `json:"ema"`
	Finished      bool             `json:"finished"`
	ValMolecules  int              `json:"val_molecules,omitempty"`
	ValLoss       float64          `json:"val_loss,omitempty"`
	ValLossByTime []float64        `json:"val_loss_by_time,omitempty"` // per tenth of t in (0, T]
	History       []Validation     `json:"history,omitempty"`          // the last ones
	Version       string           `json:"version,omitempty"`          // of symdiff

	Posttraining []PosttrainStage `json:"posttraining,omitempty"` // what came after the training
	Stages       []Stage          `json:"stages,omitempty"`       // of the recipe that made the weights
}

// Stage is a finished stage of a recipe.
type Stage struct {
	Name    string  `json:"name"`
	Command string  `json:"command"`
	Version string  `json:"version"` // of symdiff
	Hours   float64 `json:"hours"`   // of the clock
}

// Checkpoint is the whole state of a run.
type Checkpoint struct {
	Meta       encoding.Meta // with histogram
	Options    Options
	Progress   Progress
	Provenance Provenance
	Buffers    map[string][]float32 // flat, parameters in the order of Config.Parameters
}

// isBest tells whether the validation of the lowest loss was of this state.
func (c *Checkpoint) isBest() bool {
	h := c.Provenance.History
	return len(h) > 0 && h[len(h)-1].Step == c.Progress.Step && h[len(h)-1].Loss == c.Progress.Best
}

// historyTail is the number of validations that a checkpoint keeps.
const historyTail = 50

// Write puts the checkpoint at path, which holds either the old or the new one at any time, each
// whole: a new file is written, brought to the disk and renamed. The one before, if there is one,
// becomes NAME.1.safetensors, that one NAME.2.safetensors and so on up to Options.Keep. The
// metadata have a checksum of all the rest.
func (c *Checkpoint) Write(path string) error {
	var tensors []safetensors.Tensor
	for buffer, flat := range c.Buffers {
		at := 0
		for _, p := range c.Options.Parameters() {
			tensors = append(tensors, safetensors.Tensor{Name: buffer + "/" + p.Name, DType: "F32",
				Shape: p.Shape, Data: flat[at : at+p.Size()]})
			at += p.Size()
		}
	}
	md := c.Options.Metadata(c.Meta)
	for key, v := range map[string]any{"train_options": c.Options, "train_progress": c.Progress,
		"train_provenance": c.Provenance} {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		md[key] = string(b)
	}
	md[checksumKey] = c.checksum(md)
	temp := path + ".new"
	if err := safetensors.WriteFile(temp, tensors, md); err != nil {
		return err
	}
	if err := rotate(path, c.Options.Keep); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// checksumKey is the metadata of a checkpoint that hold the SHA-256 of its buffers and of its other
// metadata.
const checksumKey = "train_checksum"

func (c *Checkpoint) checksum(md map[string]string) string {
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(md)) {
		if key != checksumKey {
			fmt.Fprintf(h, "%q: %q\n", key, md[key])
		}
	}
	var chunk []byte
	for _, name := range slices.Sorted(maps.Keys(c.Buffers)) {
		fmt.Fprintf(h, "%q %d\n", name, len(c.Buffers[name]))
		for part := range slices.Chunk(c.Buffers[name], 1<<14) {
			chunk = chunk[:0]
			for _, v := range part {
				chunk = binary.LittleEndian.AppendUint32(chunk, math.Float32bits(v))
			}
			h.Write(chunk)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ReadCheckpoint reads what Write wrote, from a file, or the newest from a run's folder. Errors
// name the file and the tensor or the key.
func ReadCheckpoint(path string) (*Checkpoint, error) {
	path = CheckpointPath(path)
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	if !IsCheckpoint(f) {
		return nil, &safetensors.Error{File: path,
			Reason: "no metadata train_progress: not a checkpoint of symdiff train"}
	}
	c := &Checkpoint{Buffers: map[string][]float32{}}
	c.Options.Keep = Defaults().Keep // a checkpoint of before there was a choice
	if c.Meta, err = encoding.Parse(path, f.Metadata); err != nil {
		return nil, err
	}
	for key, v := range map[string]any{"train_options": &c.Options, "train_progress": &c.Progress,
		"train_provenance": &c.Provenance} {
		if err := json.Unmarshal([]byte(f.Metadata[key]), v); err != nil {
			return nil, &safetensors.Error{File: path, Reason: "metadata " + key + ": " + err.Error()}
		}
	}
	if want := c.Options.Metadata(c.Meta)["config"]; f.Metadata["config"] != want {
		return nil, &safetensors.Error{File: path,
			Reason: fmt.Sprintf("metadata train_options: model %s, config says %s", want,
				f.Metadata["config"])}
	}
	buffers := []string{bufParam, bufEMA, bufM, bufV}
	if c.Options.AMSGrad {
		buffers = append(buffers, bufVMax)
	}
	for _, buffer := range buffers {
		for _, p := range c.Options.Parameters() {
			v, err := f.Float32(buffer+"/"+p.Name, p.Shape...)
			if err != nil {
				return nil, err
			}
			c.Buffers[buffer] = append(c.Buffers[buffer], v...)
		}
	}
	if sum, ok := f.Metadata[checksumKey]; ok && sum != c.checksum(f.Metadata) {
		return nil, &safetensors.Error{File: path,
			Reason: "damaged: its contents do not have its checksum"}
	}
	return c, nil
}

// IsCheckpoint reports whether a file is a checkpoint rather than a model.
func IsCheckpoint(f *safetensors.File) bool {
	_, ok := f.Metadata["train_progress"]
	return ok
}

func shareable(sources []dataset.Source) []dataset.Source {
	list := slices.Clone(sources)
	for i, s := range list {
		list[i] = s.Shareable()
	}
	return list
}

// Averaged is the flat buffer of averaged (EMA) weights.
func (c *Checkpoint) Averaged() []float32 { return c.Buffers[bufEMA] }

// Model is the averaged (EMA) weights of a checkpoint, and what a model file says of them: the
// configuration, the schedule, the histogram, the elements and the provenance.
func (c *Checkpoint) Model() ([]safetensors.Tensor, map[string]string) {
	meta := c.Meta
	p := c.Provenance
	p.Data, p.Val = shareable(p.Data), shareable(p.Val)
	meta.Training, _ = json.Marshal(p) // plain fields: it cannot fail
	var tensors []safetensors.Tensor
	at, flat := 0, c.Averaged()
	for _, p := range c.Options.Parameters() {
		tensors = append(tensors, safetensors.Tensor{Name: p.Name, DType: safetensors.F32, Shape: p.Shape,
			Data: flat[at : at+p.Size()]})
		at += p.Size()
	}
	return tensors, c.Options.Metadata(meta)
}

// SetDType chooses the types of a model's tensors in a file. I8 is for the matrices of linear
// layers in the middle of the network, where a row's scale is little beside its integers; what else
// there is becomes F16 then. So do the embedders and the last layer: they have 5 % of the values of
// the shipped model, and rounded one at a time they make 93 % of the mean square errors of its
// prediction. A noise schedule that was learned stays as it is, F32 and 12 kB.
func SetDType(tensors []safetensors.Tensor, dtype safetensors.DType) {
	for i := range tensors {
		t := &tensors[i]
		switch {
		case strings.HasPrefix(t.Name, "gamma."):
		case dtype == safetensors.I8 && !inMiddle(t):
			t.DType = safetensors.F16
		default:
			t.DType = dtype
		}
	}
}

// inMiddle tells whether t is a matrix of some width, neither of an embedder nor of the last layer.
func inMiddle(t *safetensors.Tensor) bool {
	return len(t.Shape) == 2 && t.Shape[0] > 1 && t.Shape[1] >= 32 &&
		!strings.Contains(t.Name, "embed") && !strings.Contains(t.Name, "final_layer")
}
