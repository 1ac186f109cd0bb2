//go:build torch

package train

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/symdiff-go/symdiff/core/safetensors"
)

// Interrupted is what Run returns after a cancel; the checkpoint is written.
type Interrupted struct{ Checkpoint string }

func (e *Interrupted) Error() string {
	return "interrupted; go on with --resume " + e.Checkpoint
}

// ExitCode is a shell's for an interrupted program.
func (e *Interrupted) ExitCode() int { return 130 }

// guarded runs f and returns what libtorch refused, such as too much memory, which arrives as a
// panic with a message and a stack.
func guarded(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			failure, ok := v.(error)
			if !ok || !strings.Contains(failure.Error(), "Libtorch API Error: ") {
				panic(v)
			}
			_, message, _ := strings.Cut(failure.Error(), "Libtorch API Error: ")
			line, _, _ := strings.Cut(message, "\n")
			if strings.Contains(message, "not enough memory") ||
				strings.Contains(message, "out of memory") || strings.Contains(message,
				"can't allocate memory") {
				line += " (lower batch-atoms, with accumulate to keep the batch, or the model's hidden and depth)"
			}
			err = fmt.Errorf("libtorch: %s", line)
		}
	}()
	f()
	return nil
}

// notFinite is the error of a step whose loss is no number. The batch is kept beside the
// checkpoint.
func (r *run) notFinite(o outcome) error {
	kept := ""
	if path := r.path(batchName); r.world.Rank() == 0 {
		if err := r.writeBatch(path, o.batch); err != nil {
			kept = fmt.Sprintf("; its batch could not be kept: %v", err)
		} else {
			kept = "; its batch is " + path
		}
	}
	return fmt.Errorf("step %d: the loss is %g and the norm of its gradient %g; the last good "+
		"state is %s (try a smaller --lr)%s",
		r.progress.Step+1, o.loss, o.norm, r.path(checkpointName), kept)
}

// writeBatch writes what the network was given in a step.
func (r *run) writeBatch(path string, b batch) error {
	return writeTensors(path, r.tensors(r.part(b, 0, 1)), map[string]string{
		"step": fmt.Sprint(r.progress.Step + 1), "seed": fmt.Sprint(r.Seed), "molecules": fmt.Sprint(b.indices),
		"times": fmt.Sprint(b.times),
	})
}

// writeTensors writes F32 tensors whatever their values, NaN among them, which
// safetensors.WriteFile refuses.
func writeTensors(path string, tensors []safetensors.Tensor,
	metadata map[string]string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	raw := make([]safetensors.Raw, len(tensors))
	for i, t := range tensors {
		data := make([]byte, 0, 4*len(t.Data))
		for _, v := range t.Data {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		raw[i] = safetensors.Raw{Name: t.Name, DType: safetensors.F32, Shape: t.Shape,
			Data: bytes.NewReader(data)}
	}
	return safetensors.WriteRaw(f, raw, metadata)
}

// tensors are x (B, N, 3), h (B, N, F), eps (B, N, 3+F), t (B), r0 (B, 3, 3) and eta (B, N,
// noise_dims).
func (r *run) tensors(b *Batch) []safetensors.Tensor {
	f := r.Config.Features
	tensor := func(name string, data []float32, shape ...int) safetensors.Tensor {
		return safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: shape, Data: data}
	}
	return []safetensors.Tensor{
		tensor("x", b.X, b.B, b.N, 3), tensor("h", b.H, b.B, b.N, f), tensor("eps", b.Eps, b.B, b.N,
			len(b.Eps)/(b.B*b.N)), tensor("t", b.T, b.B),
		tensor("r0", b.R0, b.B, 3, 3), tensor("eta", b.Eta, b.B, b.N, r.Config.NoiseDims),
	}
}
