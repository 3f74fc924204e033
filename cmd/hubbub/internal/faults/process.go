//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// process is a program on a machine, which is started again and again.
type process struct {
	// static after its making
	name string
	on   *machine
	dir  string // where it runs
	argv []string
	log  *os.File

	// owned by whoever starts and ends it
	cmd    *exec.Cmd
	exited chan struct{} // closed when it is gone
	paused bool
}

// start starts it and does not wait for anything.
func (p *process) start() error {
	p.cmd = p.on.command(p.argv...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = p.dir, p.log, p.log
	// Nothing that was started outlives this program.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	exited, cmd := make(chan struct{}), p.cmd
	p.exited = exited
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	return nil
}

// running reports whether it has been started and is not gone.
func (p *process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// kill is kill -9, of this process alone.
func (p *process) kill() { p.end(syscall.SIGKILL, 10*time.Second) }

// end asks the process to end, and makes it end when its time is over; it gives how
// long that took.
func (p *process) end(sig syscall.Signal, patience time.Duration) time.Duration {
	if p.cmd == nil {
		return 0
	}
	from := time.Now()
	p.resume()
	_ = p.cmd.Process.Signal(sig)
	select {
	case <-p.exited:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
	p.cmd = nil
	return time.Since(from)
}

// pause stops the process where it is; resume lets it go on.
func (p *process) pause() {
	if p.running() {
		p.paused = true
		_ = p.cmd.Process.Signal(syscall.SIGSTOP)
	}
}

func (p *process) resume() {
	if p.paused && p.running() {
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
	}
	p.paused = false
}

// never is what no process may say.
var never = []string{"DATA RACE", "panic:", "fatal error:"}

// badWords gives the first thing in the log that no process may say.
func (p *process) badWords() error {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err
	}
	for _, word := range never {
		if i := strings.Index(string(text), word); i >= 0 {
			return fmt.Errorf("%s said: %.3000s", p.name, text[max(0, i-200):])
		}
	}
	return nil
}

// tail gives the end of the log.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log.Name())
	return string(text[max(0, len(text)-2000):]) + errText(err)
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

var errNotReady = errors.New("not ready")
