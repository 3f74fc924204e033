package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	update := flag.Bool("update", false, "write what was measured into the baseline; ratios keep their bounds")
	flag.Parse()
	if flag.NArg() != 2 {
		_, _ = fmt.Fprintln(os.Stderr, "benchguard: give the baseline and the file with what go test printed")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Arg(1), *update, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "benchguard: "+err.Error())
		os.Exit(1)
	}
}

var errWorse = errors.New("worse than the baseline; if that is meant, say why in the commit and run make bench-update")

func run(baseline, measured string, update bool, out io.Writer) error {
	data, err := os.ReadFile(baseline)
	if err != nil {
		return fmt.Errorf("the baseline: %w", err)
	}
	var base Baseline
	if err := json.Unmarshal(data, &base); err != nil {
		return fmt.Errorf("the baseline %s: %w", baseline, err)
	}
	text, err := os.Open(measured)
	if err != nil {
		return fmt.Errorf("the measurements: %w", err)
	}
	results, err := parse(text)
	if err = errors.Join(err, text.Close()); err != nil {
		return fmt.Errorf("the measurements %s: %w", measured, err)
	}
	if update {
		base.take(results)
		return write(baseline, &base)
	}
	wrong, lines := base.compare(results)
	for _, line := range lines {
		_, _ = fmt.Fprintln(out, line)
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d: %w", wrong, len(lines), errWorse)
	}
	return nil
}

func write(name string, base *Baseline) error {
	data, err := json.MarshalIndent(base, "", "  ")
	if err != nil {
		return fmt.Errorf("the baseline: %w", err)
	}
	return os.WriteFile(name, append(data, '\n'), 0o644)
}
