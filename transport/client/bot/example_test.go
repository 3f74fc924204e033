package bot_test

import (
	"context"
	"log"
	"os"

	"github.com/hubbub-im/hubbub/transport/client/bot"
)

// A bot that goes on after a crash where it was, and answers nothing twice.
func Example() {
	b := bot.New("ws://127.0.0.1:8080", bot.Rooms("lobby"),
		bot.Token(os.Getenv("HUBBUB_TOKEN")), bot.Cursor(bot.File("echo.cursor")))
	b.Use(bot.Recover())
	b.OnCommand("ping", func(c *bot.Ctx) error { return c.Reply("pong") })
	b.OnMention(func(c *bot.Ctx) error { return c.React("👋") })
	b.OnMessage(bot.Any, func(c *bot.Ctx) error { return c.Say(c.User().Name + ": " + c.Text()) })
	if err := b.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
