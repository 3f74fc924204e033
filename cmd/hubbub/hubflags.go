package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/hubbub-im/hubbub/transport/client"
)

// hubFlags say which hub a tool speaks to, and as whom.
type hubFlags struct {
	URL   string `name:"url" help:"Address of the hub; several instances of it, separated by commas, are tried in turn." default:"ws://127.0.0.1:8080" placeholder:"URL"`
	Token string `help:"Token to come with, as hubbub token makes it; without one, as a guest." placeholder:"TOKEN"`
}

// dialTimeout is how long a tool tries to reach the hub before it gives up.
const dialTimeout = 15 * time.Second

// dial connects, and tells on notes when the connection is lost later on.
func (f hubFlags) dial(ctx context.Context, software string, notes io.Writer) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	up := false
	return client.Dial(ctx, client.Options{
		URL: f.URL, Token: f.Token, Name: "hubbub " + software, Software: "hubbub-" + software,
		OnStatus: func(s client.Status) {
			switch {
			case s.State == client.Connected:
				if s.Attempt == 0 && up {
					_, _ = fmt.Fprintln(notes, "hubbub: connected again")
				}
				up = true
			case s.State == client.Disconnected && up && !s.RetryAt.IsZero():
				_, _ = fmt.Fprintf(notes, "hubbub: disconnected, trying again: %v\n", s.Err)
			}
		},
	})
}

// lockedWriter lets several goroutines write whole lines.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// terminal reports whether a stream is one that a person looks at.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
