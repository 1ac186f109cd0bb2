package train

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// The three logs have the same numbers; what a run wrote after the step it goes on from, and half a
// line, are gone after opening.
func TestLogs(t *testing.T) {
	dir := t.TempDir()
	l, err := openLog(dir, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	for step := 1; step <= 4; step++ {
		l.write(entry{Event: "train", Step: step, Epoch: 0.5, Time: 2, Loss: new(1 / float64(step)), LR: new(0.1)})
	}
	l.write(entry{Event: "val", Step: 4, Time: 3, ValLoss: new(0.25)})
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, logName), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"event":"train","step":2,"lo`); err != nil {
		t.Fatal(err)
	}
	f.Close()

	scalars := events(t, dir)
	if len(scalars["train/loss"]) != 4 || math.Abs(scalars["train/loss"][3]-1./3) > 1e-6 ||
		math.Abs(scalars["val/val_loss"][4]-0.25) > 1e-6 {
		t.Errorf("events %v", scalars)
	}

	if l, err = openLog(dir, 2, nil, false); err != nil {
		t.Fatal(err)
	}
	l.write(entry{Event: "train", Step: 3, Loss: new(0.7)})
	l.write(entry{Event: "sample", Step: 3, Stable: &Stability{10, 0.5, 0.25, 0.75}})
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	log, err := readLog(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(log) != 4 || *log[3].Stable != (Stability{10, 0.5, 0.25, 0.75}) || log[2].Step != 3 || *log[2].Loss != 0.7 {
		t.Errorf("%d entries, the last %+v", len(log), log[len(log)-1])
	}
}

// events reads the values of the event files of a folder, by tag and step, and checks every
// checksum.
func events(t *testing.T, dir string) map[string]map[int]float64 {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	out := map[string]map[int]float64{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for len(b) > 0 {
			n := binary.LittleEndian.Uint64(b)
			if binary.LittleEndian.Uint32(b[8:]) != maskedCRC(b[:8]) ||
				binary.LittleEndian.Uint32(b[12+n:]) != maskedCRC(b[12:12+n]) {
				t.Fatal("a checksum does not fit")
			}
			step := 0
			fields(b[12:12+n], func(field int, v uint64, data []byte) {
				switch field {
				case 2:
					step = int(v)
				case 5:
					fields(data, func(_ int, _ uint64, value []byte) {
						tag, x := "", 0.0
						fields(value, func(field int, v uint64, data []byte) {
							if field == 1 {
								tag = string(data)
							} else {
								x = float64(math.Float32frombits(uint32(v)))
							}
						})
						if out[tag] == nil {
							out[tag] = map[int]float64{}
						}
						out[tag][step] = x
					})
				}
			})
			b = b[16+n:]
		}
	}
	return out
}

// fields walks through a protocol buffer.
func fields(b []byte, f func(field int, v uint64, data []byte)) {
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		b = b[n:]
		switch key & 7 {
		case 0:
			v, n := binary.Uvarint(b)
			f(int(key>>3), v, nil)
			b = b[n:]
		case 1:
			f(int(key>>3), binary.LittleEndian.Uint64(b), nil)
			b = b[8:]
		case 2:
			size, n := binary.Uvarint(b)
			f(int(key>>3), 0, b[n:n+int(size)])
			b = b[n+int(size):]
		case 5:
			f(int(key>>3), uint64(binary.LittleEndian.Uint32(b)), nil)
			b = b[4:]
		}
	}
}

// A loss that goes below zero, as a bound does, is drawn on an even scale; one that does not, on a
// logarithmic one.
func TestChartOfNegativeLoss(t *testing.T) {
	for text, log := range map[string]bool{
		`{"event":"train","step":1,"loss":2}` + "\n" + `{"event":"train","step":2,"loss":-0.5}` + "\n": false,
		`{"event":"train","step":1,"loss":2}` + "\n" + `{"event":"train","step":2,"loss":0.5}` + "\n":  true,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, logName), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		charts, err := Charts([]string{dir}, "step")
		if err != nil {
			t.Fatal(err)
		}
		if c := charts["loss"]; c.LogY != log || len(c.Series) != 1 || len(c.Series[0].X) != 2 {
			t.Errorf("%s: %+v", text, c)
		}
	}
}

// The log describes a run that has no checkpoint yet.
func TestSummaryOfARunWithoutACheckpoint(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	o := small(t)
	var log []byte
	for _, e := range []entry{{Event: "start", Params: 77, Options: &o}, {Event: "val", Step: 2, ValLoss: new(0.5)},
		{Event: "val", Step: 4, ValLoss: new(0.75)}, {Event: "train", Step: 5, Epoch: 1.5, Time: 9, Loss: new(0.25)}} {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		log = append(append(log, line...), '\n')
	}
	if err := errors.Join(os.Mkdir(dir, 0o777), os.WriteFile(filepath.Join(dir, logName), log, 0o666)); err != nil {
		t.Fatal(err)
	}
	want := Summary{Run: "run", Variant: "symdiff", Parameters: 77, Step: 5, Epochs: 1.5, Seconds: 9, ValLoss: 0.75,
		Best: 0.5}
	if s, err := Summarise(dir); err != nil || *s != want {
		t.Errorf("%v, %+v, want %+v", err, s, want)
	}
}
