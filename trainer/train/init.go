package train

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// initFrom replaces the values of flat, in the order of o.Parameters, by those of a weights file,
// or by the averaged ones of a checkpoint, and says how many it had. Time embeddings of another
// time_scale are fitted to o's; what o is conditioned on and the file is not starts without effect.
func initFrom(path string, o *Options, flat []float32) (note string, err error) {
	f, err := safetensors.Open(CheckpointPath(path))
	if err != nil {
		return "", err
	}
	prefix := "" // of the names of tensors
	if IsCheckpoint(f) {
		prefix = bufEMA + "/"
	}
	from, to := model.Config{}, o.Config
	if o.Network != "" {
		from = to
	} else {
		if from, _, err = model.ParseMetadata(f.Name, f.Metadata); err != nil {
			return "", err
		}
	}
	meta, err := encoding.Parse(f.Name, f.Metadata)
	if err != nil {
		return "", err
	}
	more := to.Context - 2*len(meta.Context)
	found, list := 0, o.Parameters()
	for _, p := range list {
		if _, ok := f.Info(prefix + p.Name); ok {
			shape := slices.Clone(p.Shape)
			first := isFirst(p.Name)
			switch {
			case first:
				shape[1] -= more
			case strings.HasPrefix(p.Name, "egnn.embedding_out."): // with channels that are dropped
				shape[0] -= more
			}
			v, err := f.Float32(prefix+p.Name, shape...)
			if err != nil {
				return "", err
			}
			if first {
				v = withContext(v, shape[1], meta.Context, o.Condition)
			}
			if strings.HasSuffix(p.Name, "t_embedder.mlp.0.weight") && from.TimeScale != to.TimeScale {
				if v, err = rescaleTime(v, from.TimeScale, to.TimeScale); err != nil {
					return "", fmt.Errorf("--init %s: %s: %w", path, p.Name, err)
				}
			}
			copy(flat[:p.Size()], v)
			found++
		}
		flat = flat[p.Size():]
	}
	if found == 0 {
		return "", fmt.Errorf("--init %s: it has no parameter of this network", path)
	}
	return fmt.Sprintf("%d of %d parameters start from %s", found, len(list), path), nil
}

// isFirst reports whether a name is that of the first layer, whose last columns are for what the
// network is conditioned on.
func isFirst(name string) bool {
	return name == "xh_embedder.weight" || name == "egnn.embedding.weight"
}

// withContext gives the first layer w (out, in) of a network that is conditioned on the quantities
// from the columns of one that is conditioned on others: those of both keep their two, new ones
// start with zeros.
func withContext(w []float32, in int, from []encoding.Quantity, to []string) []float32 {
	var wide []float32
	inner := in - 2*len(from)
	for row := range slices.Chunk(w, in) {
		wide = append(wide, row[:inner]...)
		for _, name := range to {
			k := slices.IndexFunc(from, func(q encoding.Quantity) bool { return q.Name == name })
			if k < 0 {
				wide = append(wide, 0, 0)
				continue
			}
			wide = append(wide, row[inner+2*k:inner+2*k+2]...)
		}
	}
	return wide
}

// rescaleTime fits the first layer W' (width, 256) of a time embedding with scale `to` to the layer
// w of scale `from`, by least squares over t in [0, 1] with a small ridge:
//
//	W' = argmin sum_t |W'·s(to·t) - W·s(from·t)|² + 0.01·|W'|²,   s(a) = [cos(a·w_i), sin(a·w_i)],  w_i = 10000^(-i/128).
func rescaleTime(w []float32, from, to float64) ([]float32, error) {
	const points, ridge = 1001, 1e-2
	old, now := sinusoids(points, from), sinusoids(points, to)
	width := len(w) / model.TimeEmbedding
	values := make([]float64, len(w))
	for i, v := range w {
		values[i] = float64(v)
	}
	var target, gram, right, fit mat.Dense
	target.Mul(old, mat.NewDense(width, model.TimeEmbedding, values).T())
	gram.Mul(now.T(), now)
	for i := range model.TimeEmbedding {
		gram.Set(i, i, gram.At(i, i)+ridge)
	}
	right.Mul(now.T(), &target)
	if err := fit.Solve(&gram, &right); err != nil {
		return nil, err
	}
	out := make([]float32, len(w))
	for i := range out {
		out[i] = float32(fit.At(i%model.TimeEmbedding, i/model.TimeEmbedding))
	}
	return out, nil
}

// sinusoids are s(scale·t) for t evenly spaced over [0, 1]: (points, 256); scale 0 is 1.
func sinusoids(points int, scale float64) *mat.Dense {
	if scale == 0 {
		scale = 1
	}
	const half = model.TimeEmbedding / 2
	m := mat.NewDense(points, 2*half, nil)
	for p := range points {
		t := scale * float64(p) / float64(points-1)
		for i := range half {
			a := t * math.Pow(1e4, -float64(i)/half)
			m.Set(p, i, math.Cos(a))
			m.Set(p, half+i, math.Sin(a))
		}
	}
	return m
}
