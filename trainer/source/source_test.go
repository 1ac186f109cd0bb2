package source

import (
	"context"
	"strings"
	"testing"
)

// Entries of GEOM without conformers, and atoms that are none, are named and
// skipped; the others are read.
func TestOddRecordsOfGEOM(t *testing.T) {
	var read, faults []string
	_, err := Read(context.Background(), "testdata/geom-odd-records.msgpack", Options{}, func(r Record) error {
		if r.Err != nil {
			faults = append(faults, r.Err.Error())
		} else {
			read = append(read, r.Molecule.Formula())
		}
		return nil
	})
	want := "testdata/geom-odd-records.msgpack: molecule 2: no conformers: sars\n" +
		"testdata/geom-odd-records.msgpack: molecule 6: no conformers: empty"
	if err != nil || strings.Join(read, " ") != "H2O H2O H2O H2O H2O" || strings.Join(faults, "\n") != want {
		t.Errorf("read %v, faults %q, %v", read, faults, err)
	}
}
