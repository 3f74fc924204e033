// Package bot writes bots: handlers for messages, mentions and commands, in rooms
// that are followed without a hole through crashes of either side.
//
//	b := bot.New("ws://127.0.0.1:8080", bot.Token(token), bot.Rooms("lobby"), bot.Cursor(bot.File("echo.cursor")))
//	b.Use(bot.Recover())
//	b.OnCommand("echo", func(c *bot.Ctx) error { return c.Reply(strings.Join(c.Args(), " ")) })
//	err := b.Run(ctx)
//
// # Exactly one answer
//
// The cursor moves when a handler has ended, not before: a message whose handler
// was cut short by a crash is handled again after it. What a handler posts has an
// id that is derived from the bot, the message and the number of the call, and
// before a restarted bot posts something it has looked whether that id is in the
// room already. So a handler that runs twice posts once, whenever it runs again.
// Effects outside of the room are the handler's own to make repeatable.
//
// # Who owns which goroutine
//
// Run starts one goroutine for each room and waits for all of them. A room's
// messages are handled one after the other, those of several rooms side by side,
// up to a bound. Run ends when its context does, after the handlers under way.
package bot
