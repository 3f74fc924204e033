// Package checker judges the recorded history of a run: was everything that was
// acknowledged kept, once, in one order, and did everybody see exactly that?
//
// It knows nothing of how the run was made, and takes the side of the clients: it
// believes what they saw, and what was read back at the end. Its work grows
// linearly with the history, apart from sorting and from looking up positions.
//
// Linearizable, beside Check, is a second opinion by another method (Porcupine)
// for small histories.
package checker
