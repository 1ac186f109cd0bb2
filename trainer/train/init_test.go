package train

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/rng"
)

// A network that gets a condition starts from one without: its new columns are zero. A checkpoint
// gives its averaged weights. The columns of a property that both have go along, those of another
// are left out.
func TestInitFrom(t *testing.T) {
	for _, variant := range []string{"symdiff", "egnn"} {
		t.Run(variant, func(t *testing.T) { initFromVariant(t, variant) })
	}
}

func initFromVariant(t *testing.T, variant string) {
	c := makeCheckpoint(t, variant)
	dir := t.TempDir()
	if err := c.Write(filepath.Join(dir, checkpointName)); err != nil {
		t.Fatal(err)
	}
	o := c.Options
	o.Condition = []string{"gap"}
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range o.Parameters() {
		n += p.Size()
	}
	flat := make([]float32, n)
	if note, err := initFrom(dir, &o, flat); err != nil || !strings.Contains(note, "start from") {
		t.Fatal(note, err)
	}
	was := c.Averaged()
	for _, p := range c.Options.Parameters() {
		width := p.Shape[len(p.Shape)-1]
		now := width
		if p.Name == "xh_embedder.weight" || p.Name == "egnn.embedding.weight" {
			now += 2
		} else if p.Name == "egnn.embedding_out.bias" {
			width, now = p.Size(), p.Size()+2
		}
		for range p.Size() / width {
			if !slices.Equal(was[:width], flat[:width]) || now > width && (flat[width] != 0 || flat[width+1] != 0) {
				t.Fatalf("%s is %v, want %v", p.Name, flat[:now], was[:width])
			}
			was, flat = was[width:], flat[now:]
		}
		if p.Name == "egnn.embedding_out.weight" {
			flat = flat[2*width:]
		}
	}

	context := []encoding.Quantity{{Name: "homo", MAD: 1}, {Name: "gap", MAD: 1}}
	if got := withContext([]float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 5, context, []string{"gap",
		"mu"}); !slices.Equal(got, []float32{1, 4, 5, 0, 0, 6, 9, 10, 0, 0}) {
		t.Errorf("the first layer is %v", got)
	}
}

// A layer fitted to another time scale gives the same values at every t.
func TestRescaleTime(t *testing.T) {
	const width = 5
	w := make([]float32, width*model.TimeEmbedding)
	r := rng.New(1, 0, rng.Init, 0)
	r.Fill(w, 0.1)
	fitted, err := rescaleTime(w, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	const points = 97 // not those of the fit
	before, after := sinusoids(points, 1), sinusoids(points, 1000)
	worst, moved := 0.0, 0.0
	for p := range points {
		for k := range width {
			a, b := 0.0, 0.0
			for i := range model.TimeEmbedding {
				a += float64(w[k*model.TimeEmbedding+i]) * before.At(p, i)
				b += float64(fitted[k*model.TimeEmbedding+i]) * after.At(p, i)
			}
			worst, moved = max(worst, math.Abs(a-b)), max(moved, math.Abs(a))
		}
	}
	t.Logf("largest value %.2g, largest difference %.2g", moved, worst)
	if worst > 1e-2 || moved < 0.5 {
		t.Errorf("values up to %g differ by up to %g", moved, worst)
	}
}
