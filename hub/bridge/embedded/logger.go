package embedded

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats-server/v2/server"
)

// engineLog keeps the server's last words for the error of Start: the server takes
// for granted that logging them ends the process.
type engineLog struct {
	server.Logger
	fatal chan string
}

// Fatalf takes the last words.
func (l *engineLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
	}
	l.Errorf(format, v...)
}

// lastWords gives them, if there were any.
func (l *engineLog) lastWords() error {
	select {
	case text := <-l.fatal:
		return errors.New(text)
	default:
		return nil
	}
}

// silent is the logger of those who have none.
type silent struct{}

func (silent) Noticef(string, ...any) {}
func (silent) Warnf(string, ...any)   {}
func (silent) Fatalf(string, ...any)  {}
func (silent) Errorf(string, ...any)  {}
func (silent) Debugf(string, ...any)  {}
func (silent) Tracef(string, ...any)  {}
