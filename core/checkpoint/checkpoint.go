// Package checkpoint opens a weights file of any kind of network: SymDiff's, its
// backbone alone (DiT), EDM's EGNN, and GeoLDM. It is the one place that knows all kinds.
package checkpoint

import (
	"strconv"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/geoldm"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Network is a network that can run, and what its file says beside it.
type Network struct {
	symmetrise.Network
	Meta       encoding.Meta // empty where the file holds a bare network
	Kind       string        // symdiff, symdiff-h, dit, egnn or geoldm, as in the file
	Parameters int           // number of learned values
}

// Load reads the network of a file. It wants every tensor of the network with its
// shape, and no other. Errors are *safetensors.Error, which name the file and the
// tensor or the key of the metadata.
func Load(f *safetensors.File) (*Network, error) {
	kind := f.Metadata["kind"]
	if _, ok := f.Metadata["train_progress"]; ok {
		return nil, &safetensors.Error{File: f.Name, Reason: "is a checkpoint of a training, want a model: " +
			"`symdiff export " + f.Name + " --out MODEL.safetensors` makes one of it"}
	}
	switch kind {
	case "symdiff", "symdiff-h", "dit":
		m, err := model.Load(f)
		if err != nil {
			return nil, err
		}
		return &Network{m.Network(), m.Meta, kind, size(m.Config.Parameters())}, nil
	case "egnn":
		m, err := egnn.Load(f)
		if err != nil {
			return nil, err
		}
		return &Network{m.Network(), m.Meta, kind, size(m.Config.Parameters())}, nil
	case geoldm.Kind:
		m, err := geoldm.Load(f)
		if err != nil {
			return nil, err
		}
		return &Network{m.Network(), m.Meta, kind, size(m.Config.Parameters())}, nil
	}
	return nil, &safetensors.Error{File: f.Name, Reason: notAModel(f, kind)}
}

// notAModel says what a file is in place of a model.
func notAModel(f *safetensors.File, kind string) string {
	switch {
	case kind != "":
		return "metadata kind: " + strconv.Quote(kind) +
			", want symdiff, symdiff-h, dit, egnn or geoldm"
	case f.Metadata["format"] != "" && f.Metadata["splits"] != "":
		return "is a packed data set of molecules, want a model"
	}
	return "has no metadata kind, so it is no model of symdiff: " +
		"`symdiff import` makes one of a checkpoint of PyTorch"
}

func size(list []safetensors.Parameter) (n int) {
	for _, p := range list {
		n += p.Size()
	}
	return n
}
