package cli

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/dataset"
	"github.com/symdiff-go/symdiff/trainer/report"
	"github.com/symdiff-go/symdiff/trainer/source"
)

func newDataCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Data sets: download, prepare, describe",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDataPrepareCommand(), newDataDownloadCommand(), newDataStatsCommand(),
		newDataBondsCommand())
	return cmd
}

// prepareOptions are the flags of data prepare.
type prepareOptions struct {
	job      dataset.Job
	elements []string
	exclude  string
	json     bool
}

// qm9Kept are the properties of QM9 that models are conditioned on.
var qm9Kept = []string{"alpha", "gap", "homo", "lumo", "mu", "Cv"}

func newDataPrepareCommand() *cobra.Command {
	var o prepareOptions
	cmd := &cobra.Command{
		Use:   "prepare INPUT... --out FILE.safetensors",
		Short: "Make a packed data set of molecules as they are published",
		Long: `Read molecules and write one packed data set. This is a safetensors file, which symdiff
train, evaluate, nll and data stats map into memory. INPUT is a file or a folder of files:

  .tar                   QM9's archive (dsgdb9nsd.xyz.tar.bz2), a molecule in each .xyz
  .xyz .sdf .mol .pdb    any number of molecules; XYZ, extended XYZ and QM9's raw files
  .msgpack               GEOM (drugs_crude.msgpack): of each molecule the --conformers of
                         lowest energy
  .smi .tsv .csv         SMILES, or a table with a column smiles: conformers are embedded by
                         ETKDGv3 and relaxed by MMFF94s (in a build with RDKit), and
                         with --xtb by GFN2-xTB (the program xtb)

A file may be compressed (.gz, .bz2). A bad record is named on standard error, counted and skipped;
with --strict it ends the command. Bad records include conformers whose bonds are not those of the
SMILES, and SMILES of several fragments. Ions and radicals get a note, and their charge becomes the
property charge. An element that is not among --elements is an error. --leave-others leaves out such
molecules, --neutral leaves out ions.

Finished conformers of SMILES wait in FILE.safetensors.embedded. After an interrupt or a crash, run
the same command again: it continues there, and writes the same file as an uninterrupted run. Only
a SMILES that takes about as long as --embed-limit may differ.

--split qm9 is the split of EDM by the numbers of QM9's molecules; it needs --exclude with QM9's
uncharacterized.txt. --split 0.8,0.1 gives the shares of training and validation; the rest is the
test set, and conformers of a molecule stay together. Without --split, each molecule keeps its
property split, or goes to the training set if it has none. Use a split as FILE@split=train.`,
		Example: `  symdiff data prepare dsgdb9nsd.xyz.tar.bz2 --exclude uncharacterized.txt --split qm9 --elements H,C,N,O,F --out qm9.safetensors
  symdiff data prepare drugs_crude.msgpack --split 0.8,0.1 --max-atoms 181 --out drugs.safetensors
  symdiff data prepare my.smi --conformers 5 --split 0.9,0.05 --out my.safetensors`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.job.Inputs = args
			return o.run(cmd)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.job.Out, "out", "o", "", "file to write (.safetensors)")
	f.StringSliceVar(&o.elements, "elements", nil,
		"elements of the model; others are an error; by default any")
	f.IntVar(&o.job.MaxAtoms, "max-atoms", 0, "leave out larger molecules (default none)")
	f.BoolVar(&o.job.Neutral, "neutral", false, "leave out molecules with a charge")
	f.BoolVar(&o.job.Leave, "leave-others", false,
		"leave out molecules with elements that are not among --elements")
	f.StringVar(&o.job.Split, "split", "", "qm9, or shares of training and validation such as 0.8,0.1")
	f.StringVar(&o.exclude, "exclude", "", "list of QM9 molecules to leave out (uncharacterized.txt)")
	f.StringSliceVar(&o.job.Properties, "properties", nil,
		"scalar properties to keep, such as gap,mu; by default, of QM9's archive, "+strings.Join(qm9Kept,
			",")+", and of SMILES charge")
	f.IntVar(&o.job.Source.Conformers, "conformers", 30,
		"conformers of a molecule to take, those of lowest energy (GEOM, SMILES)")
	f.IntVar(&o.job.Source.Tries, "tries", 0,
		"conformers to embed of a SMILES (default as many as --conformers)")
	f.Uint64VarP(&o.job.Source.Seed, "seed", "s", 0, "seed of shares and of embedding")
	f.IntVar(&o.job.Source.Threads, "threads", 0, "threads that embed (default one per core)")
	f.DurationVar(&o.job.Source.Limit, "embed-limit", source.DefaultLimit,
		"processor time that the conformers of one SMILES may take, and each relaxation of --xtb")
	f.BoolVar(&o.job.Source.XTB, "xtb", false,
		"relax the conformers of SMILES by GFN2-xTB last (the program xtb)")
	f.BoolVar(&o.json, "json", false, "print the summary as JSON")
	must(cmd.MarkFlagFilename("out", "safetensors"))
	must(cmd.MarkFlagFilename("exclude", "txt"))
	return cmd
}

func (o *prepareOptions) run(cmd *cobra.Command) error {
	j := &o.job
	switch {
	case filepath.Ext(j.Out) != ".safetensors":
		return usagef("--out %q: want a name that ends in .safetensors", j.Out)
	case j.MaxAtoms < 0 || j.Source.Conformers < 1 || j.Source.Tries < 0 || j.Source.Threads < 0 ||
		j.Source.Limit <= 0:
		return usagef("--max-atoms %d, --conformers %d, --tries %d, --threads %d: want 1 conformer or more, the "+
			"others 0 or more", j.MaxAtoms, j.Source.Conformers, j.Source.Tries, j.Source.Threads)
	}
	if j.Leave && len(o.elements) == 0 {
		return usagef("--leave-others: want --elements too")
	}
	for _, symbol := range o.elements {
		e, ok := molecule.ParseElement(symbol)
		if !ok {
			return usagef("--elements: %q is not an element", symbol)
		}
		j.Elements = append(j.Elements, e)
	}
	if o.exclude != "" {
		f, err := os.Open(o.exclude)
		if err != nil {
			return named(o.exclude, err)
		}
		j.Excluded, err = source.ReadExcluded(f)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", o.exclude, err)
		}
	}
	if j.Properties == nil && slices.ContainsFunc(j.Inputs,
		func(in string) bool { return strings.Contains(filepath.Base(in), ".tar") }) {
		j.Properties = qm9Kept
	}
	if j.Properties == nil && slices.ContainsFunc(j.Inputs, source.IsSMILES) {
		j.Properties = []string{"charge"}
	}
	j.Command = recordedCommand(os.Args)
	j.Reader = *newReader(cmd, j.Source)
	w := cmd.ErrOrStderr()
	var line *byteProgress
	if isTerminal(w) {
		j.Start = func(file string, index, number int) {
			line.end()
			line = startBytes(w, fmt.Sprintf("%s (%d of %d)", file, index+1, number))
		}
		j.Source.Progress = func(read, size int64) { line.set(read, size) }
	}
	s, err := dataset.Prepare(cmd.Context(), *j)
	line.end()
	if err != nil {
		return err
	}
	if o.json {
		return writeJSON(cmd.OutOrStdout(), s)
	}
	return prepared(s).Text(cmd.OutOrStdout())
}

// prepared is a summary to be read.
func prepared(s dataset.Summary) report.Report {
	r := report.Report{
		Title: fmt.Sprintf("%s: %d molecules, %d atoms, of %s", s.Out, s.Molecules, s.Atoms, strings.Join(s.Elements, " ")),
		Lead:  fmt.Sprintf("largest %d atoms; %d records skipped, %d molecules left out", s.Largest, s.Skipped, s.Left),
	}
	reasons := report.Section{Head: []string{"skipped or left out", "molecules"}}
	for _, why := range slices.Sorted(maps.Keys(s.Why)) {
		reasons.Rows = append(reasons.Rows, []string{why, fmt.Sprint(s.Why[why])})
	}
	splits := report.Section{Head: []string{"split", "molecules"}}
	for _, name := range []string{"train", "val", "test"} {
		if n, ok := s.Splits[name]; ok {
			splits.Rows = append(splits.Rows, []string{name, fmt.Sprint(n)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Splits)) {
		if !slices.Contains([]string{"train", "val", "test"}, name) {
			splits.Rows = append(splits.Rows, []string{name, fmt.Sprint(s.Splits[name])})
		}
	}
	sources := report.Section{Head: []string{"source", "molecules", "skipped", "left out", "bytes",
		"SHA-256"}}
	for _, f := range s.Sources {
		sources.Rows = append(sources.Rows, []string{f.File, fmt.Sprint(f.Molecules),
			fmt.Sprint(f.Skipped), fmt.Sprint(f.Left), fmt.Sprint(f.Bytes), f.SHA256})
	}
	if len(sources.Rows) > 10 {
		sources.Rows = sources.Rows[:10]
		sources.Notes = []string{fmt.Sprintf("and %d more sources", len(s.Sources)-10)}
	}
	r.Sections = []report.Section{splits, sources}
	if len(reasons.Rows) > 0 {
		r.Sections = append(r.Sections, reasons)
	}
	return r
}

// byteProgress is a progress line of bytes of files.
type byteProgress struct {
	*progress
}

func startBytes(w io.Writer, name string) *byteProgress {
	return &byteProgress{progress: startProgress(w, "MB of "+name, 0, 1_000_000)}
}

func (p *byteProgress) set(done, size int64) {
	if p != nil {
		p.total.Store(size)
		p.done.Store(done)
	}
}

func (p *byteProgress) end() {
	if p != nil {
		p.progress.end()
	}
}

func newDataDownloadCommand() *cobra.Command {
	var dir string
	var mirrors []string
	cmd := &cobra.Command{
		Use:   "download qm9 [--dir DIR] [--mirror URL]",
		Short: "Fetch a data set as it is published",
		Long: `Fetch QM9's archive (86 MB) and its list of excluded molecules from figshare. --mirror URL is
tried first: a folder with files of the same names. Sizes and MD5 are checked. An interrupted
download continues where it stopped.`,
		Example:   "  symdiff data download qm9 --dir data",
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"qm9"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] != "qm9" {
				return usagef("%q: want qm9", args[0])
			}
			w := cmd.ErrOrStderr()
			for _, p := range source.QM9 {
				urls := []string{}
				for _, m := range mirrors {
					urls = append(urls, strings.TrimSuffix(m, "/")+"/"+p.Name)
				}
				p.URLs = append(urls, p.URLs...)
				d := source.Downloader{
					Client: &http.Client{Transport: http.DefaultTransport}, Attempts: 4, Wait: time.Second,
					Note: func(text string) { fmt.Fprintln(w, text) },
				}
				var line *byteProgress
				if isTerminal(w) {
					line = startBytes(w, p.Name)
					d.Progress = line.set
				}
				path, err := d.Fetch(cmd.Context(), p, dir)
				line.end()
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s\n", path)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", ".", "folder to put the files in")
	cmd.Flags().StringSliceVar(&mirrors, "mirror", nil,
		"URLs of folders that have the files, tried before figshare")
	must(cmd.MarkFlagDirname("dir"))
	return cmd
}

func newDataStatsCommand() *cobra.Command {
	var out reportOptions
	var svg string
	var threads int
	cmd := &cobra.Command{
		Use:   "stats FILE [--svg DIR] [--html FILE] [--json]",
		Short: "Describe a data set: sizes, elements, distances, bonds, angles, stability",
		Long: `Describe the molecules of a file (XYZ, SDF, or a packed data set; FILE@split=train takes
a part of it): numbers of atoms, elements, bond lengths, angles, and the share that is stable by
the rules of EDM. --svg DIR writes each chart as a file.`,
		Example: "  symdiff data stats qm9.safetensors@split=train --svg charts",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := evaluateOptions{threads: threads}
			e, err := o.evaluate(cmd, args[0], newReader(cmd).Open(args[0]))
			if err != nil {
				return err
			}
			s := e.Statistics()
			r := s.Document()
			if svg != "" {
				if err := writeCharts(svg, r); err != nil {
					return err
				}
			}
			return out.write(cmd, s, r)
		},
	}
	out.flags(cmd)
	cmd.Flags().StringVar(&svg, "svg", "", "folder to write the charts to, as SVG")
	cmd.Flags().IntVar(&threads, "threads", 0, "threads (default one per core)")
	must(cmd.MarkFlagDirname("svg"))
	return cmd
}

// writeCharts writes the charts of a report into a folder, named by their titles.
func writeCharts(dir string, r report.Report) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return named(dir, err)
	}
	for _, s := range r.Sections {
		for _, c := range s.Charts {
			name := strings.NewReplacer(" ", "-", "#", "3", "=", "2", "/", "-").Replace(c.Title) + ".svg"
			if err := os.WriteFile(filepath.Join(dir, name), []byte(c.SVG()), 0o666); err != nil {
				return named(filepath.Join(dir, name), err)
			}
		}
	}
	return nil
}
