//go:build linux

package main

import (
	"errors"
	"strings"
	"sync"
)

// parts are the parts of a trial that run. Those that do not are nil.
type parts struct {
	*trial
	chat    *chatter
	guests  *sync.WaitGroup
	readers *sync.WaitGroup
	docs    *editing
	bots    *asking
}

// start starts the parts that were asked for.
func (t *trial) start() (*parts, error) {
	p := &parts{trial: t}
	var err error
	if p.chat, err = t.chat(); err != nil {
		return nil, err
	}
	if strings.Contains(t.load.part, "presence") {
		p.guests = t.presence()
	}
	if strings.Contains(t.load.part, "readers") {
		p.readers = t.readers()
	}
	if strings.Contains(t.load.part, "docs") {
		p.docs = t.docs()
	}
	if strings.Contains(t.load.part, "bots") {
		p.bots, err = t.bots()
	}
	return p, err
}

// end lets all come to rest, and judges what is not the checker's to judge.
func (p *parts) end(res *result) error {
	p.hush()
	if p.bots != nil {
		res.Asked = p.bots.judge()
	}
	err := p.chat.end() // which tells the others
	p.tell()
	if p.guests != nil && !awaitGroup(p.guests, p.load.settle) {
		err = errors.Join(err, errors.New("the guests did not end"))
	}
	if p.readers != nil {
		p.readers.Wait()
	}
	if p.docs != nil {
		if !awaitGroup(&p.docs.all, p.load.settle) {
			return errors.Join(err, errors.New("the editors did not end"))
		}
		res.Saved = p.docs.judge()
	}
	if p.bots != nil {
		err = errors.Join(err, p.bots.close())
	}
	return err
}
