package symmetrise

import (
	"errors"
	"strconv"
)

// MaxState is what the buffers of a batch may take, in bytes: a file of a few
// kilobytes can describe a network that would take all memory of the machine.
const MaxState = 1 << 31

// Sized is a denoiser, a gamma or a function that reports in advance what its buffers
// for a batch take, in bytes. Where it does not, they count as nothing.
type Sized interface {
	StateBytes(sizes []int) int64
}

// stateBytes is that of part, 0 where it does not report it.
func stateBytes(part any, sizes []int) int64 {
	if s, ok := part.(Sized); ok {
		return s.StateBytes(sizes)
	}
	return 0
}

// CheckState refuses a batch whose buffers would take more than MaxState, before
// they are made.
func CheckState(net Network, sizes []int) error {
	n := net.StateBytes(sizes)
	if n <= MaxState {
		return nil
	}
	rows := 0
	for _, size := range sizes {
		rows += size
	}
	return errors.New(
		"a batch of " + strconv.Itoa(len(sizes)) + " molecules and " + strconv.Itoa(rows) +
			" atoms takes " +
			strconv.FormatInt(n>>20, 10) + " MiB with this network, at most " +
			strconv.Itoa(MaxState>>20) +
			" are allowed: fewer atoms, a smaller batch or another model",
	)
}

func (n network) StateBytes(sizes []int) int64 {
	return stateBytes(n.Denoiser, sizes) + stateBytes(n.gamma, sizes)
}

func (l learned) StateBytes(sizes []int) int64 { return stateBytes(l.f, sizes) }

func (g guided) StateBytes(sizes []int) int64 {
	return g.Network.StateBytes(sizes) + g.weak.StateBytes(sizes)
}
