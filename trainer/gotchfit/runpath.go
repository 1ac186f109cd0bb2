package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"slices"
	"strings"
)

// relocate takes the folders of this machine out of where a program looks for its libraries
// (RUNPATH): what begins with $ORIGIN, the program's own folder, stays. The text becomes
// shorter in its place, so that nothing else moves.
func relocate(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	section := f.Section(".dynstr")
	if section == nil {
		return fmt.Errorf("%s: has no dynamic strings", path)
	}
	table, err := section.Data()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	out, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer out.Close()
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		texts, err := f.DynString(tag)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, text := range texts {
			at := bytes.Index(table, append([]byte(text), 0))
			if at < 0 {
				return fmt.Errorf("%s: %s is not among its strings", path, tag)
			}
			if _, err := out.WriteAt(movable(text), int64(section.Offset)+int64(at)); err != nil {
				return err
			}
		}
	}
	return out.Close()
}

// movable is a list of folders without those of this machine, as long as it was.
func movable(runpath string) []byte {
	kept := slices.DeleteFunc(strings.Split(runpath, ":"),
		func(p string) bool { return !strings.HasPrefix(p, "$ORIGIN") })
	text := make([]byte, len(runpath))
	copy(text, strings.Join(kept, ":"))
	return text
}
