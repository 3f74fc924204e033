package bot

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
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
func Logger(log *slog.Logger) Middleware {
	return func(next Handler) Handler {
		return func(c *Ctx) error {
			start := time.Now()
			err := next(c)
			attrs := []slog.Attr{
				slog.String("room", c.Room()), slog.Uint64("seq", c.event.Seq),
				slog.String("user", c.event.User), slog.Duration("took", time.Since(start)),
			}
			level := slog.LevelInfo
			if err != nil {
				level, c.logged = slog.LevelError, true
				attrs = append(attrs, slog.Any("error", err))
			}
			log.LogAttrs(c, level, "message", attrs...)
			return err
		}
	}
}
