package main

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// trimEvery is how often memory is looked at that may be given back.
	trimEvery = 5 * time.Second
	// trimLeast is from how many unused bytes on it is worth a collection.
	trimLeast = 16 << 20
	// trimBusy is how many collections in trimEvery mean that the unused memory is in
	// use again soon.
	trimBusy = 2
)

// trimmer gives memory back to the system that a wave of connections has needed and
// that nothing needs any more. The runtime does so by itself, within minutes and not
// all of it, since it cannot know that no second wave comes.
type trimmer struct {
	samples [3]metrics.Sample
	cycles  uint64
}

func newTrimmer() *trimmer {
	t := &trimmer{}
	t.samples[0].Name = "/memory/classes/heap/free:bytes"    // whole pages, not given back
	t.samples[1].Name = "/memory/classes/heap/objects:bytes" // in use, or dead and not collected yet
	t.samples[2].Name = "/gc/cycles/total:gc-cycles"
	t.quiet()
	return t
}

// quiet reads the figures, and reports whether little was collected since it was
// called last.
func (t *trimmer) quiet() bool {
	metrics.Read(t.samples[:])
	cycles := t.samples[2].Value.Uint64()
	few := cycles-t.cycles < trimBusy
	t.cycles = cycles
	return few
}

// trim gives back what is worth it, and reports whether that was so.
func (t *trimmer) trim() bool {
	if !t.quiet() {
		return false
	}
	free, used := t.samples[0].Value.Uint64(), t.samples[1].Value.Uint64()
	if free < trimLeast || free < used/4 {
		return false
	}
	debug.FreeOSMemory()
	t.quiet() // that was a collection too
	return true
}
