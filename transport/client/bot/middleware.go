package bot

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"
)

// Recover turns a panic of a handler into an error with the stack. Without it a
// panic ends the program, and the message is handled again after the restart.
func Recover() Middleware {
	return func(next Handler) Handler {
		return func(c *Ctx) (err error) {
			defer func() {
				if p := recover(); p != nil {
					err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
				}
			}()
			return next(c)
		}
	}
}

// Logger logs each message that was handled, and its error.
func Logger(log zerolog.Logger) Middleware {
	return func(next Handler) Handler {
		return func(c *Ctx) error {
			start := time.Now()
			err := next(c)
			level := zerolog.InfoLevel
			if err != nil {
				level, c.logged = zerolog.ErrorLevel, true
			}
			log.WithLevel(level).Err(err).Str("room", c.Room()).Uint64("seq", c.event.Seq).
				Str("user", c.event.User).Dur("took", time.Since(start)).Msg("message")
			return err
		}
	}
}
