//go:build torch

package train

import (
	"reflect"
	"testing"

	"github.com/symdiff-go/symdiff/trainer/torch"
)

// What is made ahead is what each step would make for itself, and the run's place in the order is
// that of the step.
func TestFeed(t *testing.T) {
	torch.Setup(1)
	o := small(t)
	o.Threads = 1
	plain, err := prepare(o)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.team.close()
	fed, err := prepare(o)
	if err != nil {
		t.Fatal(err)
	}
	defer fed.team.close()
	fed.feed = newFeed(fed)
	defer fed.feed.close()
	for range 2*plain.perEpoch + 3 {
		want, got := plain.next(), fed.next()
		want.made = plain.part(want, 0, 1)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("step %d: %+v, want %+v", plain.progress.Step, got, want)
		}
		plain.advance(want)
		fed.advance(got)
		if !reflect.DeepEqual(fed.progress, plain.progress) {
			t.Fatalf("%+v, want %+v", fed.progress, plain.progress)
		}
	}
}
