//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/room/yjs/view"
	"github.com/hubbub-im/hubbub/transport/client"
)

// Documents are lists to which editors on every hub add words that nobody else adds.
const (
	documents   = 3
	editorsEach = 3
	editEvery   = 300 * time.Millisecond // on average
	docSettle   = 20 * time.Second       // until all copies are equal
)

// list is the name of the array in a document.
const list = "words"

// editor edits one document.
type editor struct {
	run   *trial
	doc   string
	n     int
	rng   *rand.Rand
	saved []string // what it was told to be saved
	last  []string // its own copy at the end
}

// editing is the document part of a trial.
type editing struct {
	*trial
	editors []*editor
	all     sync.WaitGroup
}

func (t *trial) docs() *editing {
	e := &editing{trial: t}
	for d := range documents {
		for i := range editorsEach {
			ed := &editor{run: t, doc: fmt.Sprint("papers/doc", d), n: d*editorsEach + i, rng: t.rng("editor", d, i)}
			e.editors = append(e.editors, ed)
			e.all.Go(ed.edit)
		}
	}
	return e
}

// edit adds words until the trial is quiet, and then waits for its copy to hold all
// that anybody was told to be saved.
func (e *editor) edit() {
	c := e.run.client(fmt.Sprint("editor", e.n), e.n, nil)
	defer c.Close()
	doc, err := c.OpenDoc(e.run.ctx, e.doc)
	for err != nil {
		if e.run.quiet.Err() != nil || !pass(e.run.ctx, 500*time.Millisecond) {
			e.run.complain("editor%d: open %s: %v", e.n, e.doc, err)
			return
		}
		doc, err = c.OpenDoc(e.run.ctx, e.doc)
	}
	defer doc.Close()
	for made := 0; e.run.quiet.Err() == nil && e.run.ctx.Err() == nil; made++ {
		word := fmt.Sprint("e", e.n, ".", made)
		if err := e.add(doc, word); err != nil {
			e.run.complain("editor%d: %s: %v", e.n, e.doc, err)
			return
		}
		e.saved = append(e.saved, word)
		pass(e.run.quiet, time.Duration(e.rng.ExpFloat64()*float64(editEvery)))
	}
	<-e.run.told.Done()
	if e.last, err = read(doc.Snapshot()); err != nil {
		e.run.complain("editor%d: its copy of %s: %v", e.n, e.doc, err)
	}
}

// add puts a word at the end of the list, and returns when that is saved. Each edit
// has a Yjs client of its own: what failed halfway is never written over.
func (e *editor) add(doc *client.Doc, word string) error {
	v, err := view.OpenUpdate(doc.Snapshot(), view.Limits{})
	if err != nil {
		return fmt.Errorf("its copy cannot be read: %w", err)
	}
	edit, err := v.Edit(e.rng.Uint64N(1 << 32))
	if err != nil {
		return err
	}
	if err := edit.Push(v.Array(list), word); err != nil {
		return err
	}
	update := edit.Update()
	for tries := 0; ; tries++ {
		ctx, cancel := context.WithTimeout(e.run.ctx, e.run.load.settle)
		err = doc.Apply(ctx, update)
		cancel()
		if err == nil || tries == 3 || !pass(e.run.ctx, time.Second) {
			return err
		}
	}
}

// read gives the words of a document.
func read(update []byte) ([]string, error) {
	v, err := view.OpenUpdate(update, view.Limits{})
	if err != nil {
		return nil, err
	}
	values, err := v.Array(list).Values()
	if err != nil {
		return nil, err
	}
	var words []string
	for _, w := range values {
		words = append(words, fmt.Sprint(w))
	}
	return words, nil
}

// judge opens each document through each hub anew: all copies must come to be equal,
// with each word that was saved in them once. It gives the number of those.
func (e *editing) judge() (saved int) {
	for d := range documents {
		name := fmt.Sprint("papers/doc", d)
		var must []string
		for _, ed := range e.editors {
			if ed.doc == name {
				must = append(must, ed.saved...)
			}
		}
		saved += len(must)
		e.judgeOne(name, must)
	}
	return saved
}

func (e *editing) judgeOne(name string, must []string) {
	var first []string
	for i, hub := range e.machines {
		words, err := e.readFrom(hub, name)
		if err != nil {
			e.complain("document %s at hub%d: %v", name, i, err)
			return
		}
		if i == 0 {
			first = words
		}
		e.compare(fmt.Sprintf("document %s at hub%d", name, i), first, words, must)
	}
	for _, ed := range e.editors {
		if ed.doc == name && ed.last != nil {
			e.compare(fmt.Sprintf("document %s as editor%d has it", name, ed.n), first, ed.last, must)
		}
	}
}

// compare holds one copy against another, and against what was saved.
func (t *trial) compare(what string, first, words, must []string) {
	count := map[string]int{}
	for _, w := range words {
		count[w]++
	}
	for _, w := range must {
		if count[w] != 1 {
			t.complain("%s: %s, which was saved, is in it %d times", what, w, count[w])
		}
	}
	if !slices.Equal(first, words) {
		t.complain("%s: has %d words, and what hub0 gives has %d, or others, or in another order", what, len(words), len(first))
	}
}

func (t *trial) readFrom(hub *machine, name string) ([]string, error) {
	ctx, cancel := context.WithTimeout(t.ctx, docSettle)
	defer cancel()
	c := t.clientAt("archivist", &balance{hubs: []*machine{hub}}, nil)
	defer c.Close()
	for {
		doc, err := c.OpenDoc(ctx, name)
		if err == nil {
			defer doc.Close()
			return read(doc.Snapshot())
		}
		if !pass(ctx, 500*time.Millisecond) {
			return nil, err
		}
	}
}
