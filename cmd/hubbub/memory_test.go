package main

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// wave needs much memory for a moment.
func wave() {
	blocks := make([][]byte, 4000)
	for i := range blocks {
		blocks[i] = make([]byte, 64<<10)
		blocks[i][0] = 1
	}
	runtime.KeepAlive(blocks)
}

func TestMemoryOfAWaveIsGivenBack(t *testing.T) {
	memory := newTrimmer()
	unused := func() uint64 { memory.quiet(); return memory.samples[0].Value.Uint64() }
	for range 100 { // the runtime gives back by itself too, now and then sooner
		wave()
		for range trimBusy + 1 {
			runtime.GC()
		}
		require.False(t, memory.trim(), "while much is collected, memory is needed again")
		if unused() >= trimLeast && memory.trim() {
			require.Less(t, unused(), uint64(trimLeast))
			require.False(t, memory.trim(), "there is nothing more to give back")
			return
		}
	}
	require.Fail(t, "nothing was given back")
}
