package bot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/client"
)

// a cursor in a file of the test's own.
func fileIn(t *testing.T) string { return filepath.Join(t.TempDir(), "test.cursor") }

func TestHandlersTakeTheirMessages(t *testing.T) {
	h := newHub(t, time.Minute)
	cur := notingCursor(File(fileIn(t)))
	b := h.bot("robo", Rooms("lobby"), Cursor(cur))
	answer := func(what string) Handler {
		return func(c *Ctx) error {
			return c.Reply(fmt.Sprintf("%s %q by %s in %s", what, c.Args(), c.User().Name, c.Room()))
		}
	}
	b.OnCommand("deploy", answer("command"))
	b.OnMention(answer("mention"))
	b.OnMessage(Match(`(?i)^hello (\w+)`), answer("pattern"))
	b.OnMessage(Any, answer("any"))
	start(t, b)
	cur.listening(t)
	ann := h.person("ann", "lobby")
	for said, want := range map[string]string{
		"/deploy":                  `command []`,
		"/Deploy stage now":        `command ["stage" "now"]`,
		"/deploy@robo stage":       `command ["stage"]`,
		"/deploy@other stage":      `any ["/deploy@other" "stage"]`,
		"/deployment":              `any ["/deployment"]`,
		" /deploy":                 `any ["/deploy"]`,
		"@robo are you there":      `mention ["are" "you" "there"]`,
		"hey @ROBO, there?":        `mention ["hey" "," "there?"]`,
		"hey @The robo":            `mention ["hey"]`,
		"mail robo@robo.example":   `any ["mail" "robo@robo.example"]`,
		"@robot @robo-2 @@robo_x":  `any ["@robot" "@robo-2" "@@robo_x"]`,
		"@robot is not me, @robo!": `mention ["@robot" "is" "not" "me," "!"]`,
		"HELLO world and more":     `pattern ["world"]`,
		"hello":                    `any ["hello"]`,
		"@":                        `any ["@"]`,
	} {
		seq := ann.say(said)
		heard := ann.hears("robo")
		require.Equal(t, want+" by The ann in lobby", heard.Text, said)
		require.Equal(t, seq, heard.ReplyTo)
	}
}

func TestWhatHandlersCanDo(t *testing.T) {
	h := newHub(t, time.Minute)
	cur := notingCursor(File(fileIn(t)))
	b := h.bot("robo", Rooms("lobby"), Cursor(cur))
	b.OnMessage(Any, func(c *Ctx) error {
		c.Typing()
		ack, err := c.Post(client.Custom("noted", []byte(`{"n":1}`)))
		if err != nil || ack.Duplicate || ack.Seq <= c.Message().Seq {
			return fmt.Errorf("ack %+v, %w", ack, err)
		}
		return errors.Join(c.React("👍"), c.Say("said"), c.Reply("replied"))
	})
	start(t, b)
	cur.listening(t)
	ann := h.person("ann", "lobby")
	seq := ann.say("do it")
	require.Equal(t, "noted", ann.hears("robo").Type)
	reaction := ann.hears("robo")
	require.Equal(t, room.KindReact, reaction.Kind)
	require.Equal(t, seq, reaction.Target)
	require.Zero(t, ann.hears("robo").ReplyTo)
	require.Equal(t, "replied", ann.hears("robo").Text)
}

func TestBotsDoNotAnswerThemselvesOrEachOther(t *testing.T) {
	h := newHub(t, time.Minute)
	echo := func(c *Ctx) error { return c.Say("echo " + c.Text()) }
	for _, user := range []string{"one", "two"} {
		cur := notingCursor(File(fileIn(t)))
		b := h.bot(user, Rooms("lobby"), Cursor(cur))
		b.OnMessage(Any, echo)
		start(t, b)
		cur.listening(t)
	}
	nosy := notingCursor(File(fileIn(t)))
	heard := make(chan string, 100)
	b := h.bot("nosy", Rooms("lobby"), Cursor(nosy), IncludeBots())
	b.OnMessage(Match("^echo"), func(c *Ctx) error { heard <- c.User().ID; return c.Say("echo by nosy") })
	start(t, b)
	nosy.listening(t)
	ann := h.person("ann", "lobby")
	ann.say("a")
	ann.say("b")
	for range 4 {
		<-heard
	}
	require.Equal(t, []string{"echo a", "echo b"}, ann.texts("one"))
	require.Equal(t, []string{"echo a", "echo b"}, ann.texts("two"))
	require.Eventually(t, func() bool { return len(ann.texts("nosy")) == 4 }, patience, 5*time.Millisecond)
	ann.say("echo, and the end")
	for by := ""; by != "ann"; by = <-heard {
		require.NotEqual(t, "nosy", by, "it answers the others, and not itself")
	}
}

// A bot that was away handles what was said meanwhile, once and in order.
func TestTheCursorOutlivesTheBot(t *testing.T) {
	h := newHub(t, time.Minute)
	file := fileIn(t)
	ann := h.person("ann", "lobby")
	ann.say("before the bot's time")
	run := func(cur CursorStore) *running {
		b := h.bot("robo", Rooms("lobby"), Cursor(cur))
		b.OnMessage(Any, func(c *Ctx) error { return c.Say("re " + c.Text()) })
		return start(t, b)
	}
	cur := notingCursor(File(file))
	r := run(cur)
	cur.listening(t)
	var want []string
	for i := range 3 {
		for j := range 5 {
			text := fmt.Sprintf("%d.%d", i, j)
			ann.say(text)
			want = append(want, "re "+text)
		}
		if i > 0 {
			r = run(File(file))
		}
		require.Eventually(t, func() bool { return len(ann.texts("robo")) == len(want) }, patience, 5*time.Millisecond)
		r.stop()
		require.NoError(t, r.wait())
	}
	require.Equal(t, want, ann.texts("robo"))
}

var errCrash = errors.New("the power went off")

// crashing runs a bot that dies after its handler has posted and before the cursor
// could be moved.
func crashing(t *testing.T, h *testHub, file string, ran *atomic.Int32) {
	t.Helper()
	cur := notingCursor(File(file))
	cur.fails = func(client.Position) error {
		if ran.Load() > 0 {
			return errCrash
		}
		return nil
	}
	b := h.bot("robo", Rooms("lobby"), Cursor(cur))
	b.OnMessage(Any, twice(ran))
	r := start(t, b)
	cur.listening(t)
	h.person("bo", "lobby").say("ping")
	require.ErrorIs(t, r.wait(), errCrash)
}

func twice(ran *atomic.Int32) Handler {
	return func(c *Ctx) error {
		ran.Add(1)
		return errors.Join(c.Reply("pong 1"), c.Reply("pong 2"))
	}
}

// The hub's memory of ids is made so short here that it cannot be what prevents
// the second copy.
func TestAHandlerThatRunsTwicePostsOnce(t *testing.T) {
	h := newHub(t, time.Nanosecond)
	file, ran := fileIn(t), new(atomic.Int32)
	crashing(t, h, file, ran)
	ann := h.person("ann", "lobby")
	require.Equal(t, []string{"pong 1", "pong 2"}, ann.texts("robo"))
	for range 250 {
		ann.say("while it is down") // more than a page of history
	}

	cur := notingCursor(File(file))
	b := h.bot("robo", Rooms("lobby"), Cursor(cur))
	b.OnMessage(Match("^ping"), twice(ran))
	b.OnMessage(Match("^new"), func(c *Ctx) error { return c.Reply("fresh") })
	start(t, b)
	ann.say("new")
	require.Equal(t, "fresh", ann.hears("robo").Text)
	require.Equal(t, int32(2), ran.Load(), "the handler has run a second time")
	require.Equal(t, []string{"pong 1", "pong 2", "fresh"}, ann.texts("robo"))
}

func TestErrorsAndPanics(t *testing.T) {
	h := newHub(t, time.Minute)
	cur := notingCursor(File(fileIn(t)))
	failed := make(chan error, 10)
	var log bytes.Buffer
	var mu sync.Mutex
	b := h.bot("robo", Rooms("lobby"), Cursor(cur), OnError(func(_ *Ctx, err error) { failed <- err }))
	b.OnMessage(Match("panic"), func(*Ctx) error { panic("no!") })
	b.OnMessage(Match("error"), func(*Ctx) error { return errCrash })
	b.OnMessage(Any, func(c *Ctx) error { return c.Say("fine") })
	var order []string
	wrap := func(name string) Middleware {
		return func(next Handler) Handler {
			return func(c *Ctx) error { order = append(order, name); return next(c) }
		}
	}
	b.Use(wrap("outer"), Logger(slog.New(slog.NewJSONHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(p)
	}), nil))), wrap("inner"), Recover())
	r := start(t, b)
	cur.listening(t)
	ann := h.person("ann", "lobby")
	ann.say("panic")
	require.ErrorContains(t, <-failed, "bot_test.go", "the stack says where")
	ann.say("error")
	require.ErrorIs(t, <-failed, errCrash)
	ann.say("go on")
	require.Equal(t, "fine", ann.hears("robo").Text)
	r.stop()
	require.NoError(t, r.wait())
	require.Equal(t, []string{"outer", "inner", "outer", "inner", "outer", "inner"}, order)
	mu.Lock()
	defer mu.Unlock()
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	require.Len(t, lines, 3)
	require.Contains(t, lines[1], errCrash.Error())
	require.Contains(t, lines[2], `"level":"INFO"`)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// One room's handler that takes long holds up neither other rooms nor more than
// the bound; within a room there is one at a time.
func TestRoomsAreHandledSideBySide(t *testing.T) {
	h := newHub(t, time.Minute)
	cur := notingCursor(File(fileIn(t)))
	b := h.bot("robo", Rooms("a", "b", "c"), Cursor(cur), Parallel(2))
	var busy atomic.Int32
	began, release := make(chan string, 10), make(chan struct{})
	b.OnMessage(Any, func(c *Ctx) error {
		if busy.Add(1) > 2 {
			t.Error("more handlers at once than the bound")
		}
		began <- c.Room() + c.Text()
		<-release
		busy.Add(-1)
		return nil
	})
	start(t, b)
	for range 3 {
		cur.listening(t)
	}
	a, bb, cc := h.person("ann", "a"), h.person("ann", "b"), h.person("ann", "c")
	a.say("1")
	a.say("2")
	bb.say("1")
	got := []string{<-began, <-began}
	require.ElementsMatch(t, []string{"a1", "b1"}, got)
	cc.say("1")
	require.Never(t, func() bool { return len(began) > 0 }, 200*time.Millisecond, 5*time.Millisecond, "a third handler waits for its turn")
	for range 4 {
		release <- struct{}{}
	}
	require.ElementsMatch(t, []string{"a2", "c1"}, []string{<-began, <-began})
}

func TestRunEndsAfterTheHandlerUnderWay(t *testing.T) {
	h := newHub(t, time.Minute)
	file := fileIn(t)
	cur := notingCursor(File(file))
	b := h.bot("robo", Rooms("lobby"), Cursor(cur))
	began, release := make(chan struct{}), make(chan struct{})
	b.OnMessage(Any, func(c *Ctx) error {
		close(began)
		<-release
		return c.Say("to the end")
	})
	r := start(t, b)
	cur.listening(t)
	ann := h.person("ann", "lobby")
	seq := ann.say("x")
	<-began
	r.stop()
	require.Empty(t, r.done)
	close(release)
	require.NoError(t, r.wait())
	require.Equal(t, "to the end", ann.hears("robo").Text)
	at, known, err := File(file).Load("lobby")
	require.NoError(t, err)
	require.True(t, known)
	require.GreaterOrEqual(t, at.Seq, seq)
}

// After a reset of the log, what comes first was handled before, perhaps.
func TestAResetIsToldAndNotAnswered(t *testing.T) {
	h := newHub(t, time.Minute)
	file := fileIn(t)
	ann := h.person("ann", "lobby")
	ann.say("old")
	require.NoError(t, File(file).Save("lobby", client.Position{Epoch: "another", Seq: 40}))
	gaps := make(chan *client.Gap, 1)
	b := h.bot("robo", Rooms("lobby"), Cursor(File(file)), OnGap(func(_ string, g *client.Gap) { gaps <- g }))
	b.OnMessage(Any, func(c *Ctx) error { return c.Say("re " + c.Text()) })
	start(t, b)
	g := <-gaps
	require.Equal(t, client.GapEpoch, g.Reason)
	require.Equal(t, uint64(40), g.Since.Seq)
	ann.say("new")
	ann.hears("robo")
	require.Equal(t, []string{"re new"}, ann.texts("robo"))
}

func TestRunTellsWhatIsWrong(t *testing.T) {
	h := newHub(t, time.Minute)
	nothing := func(*Ctx) error { return nil }
	for want, b := range map[string]*Bot{
		"no room":        h.bot("robo"),
		"no handler":     h.bot("robo", Rooms("a")),
		"given twice":    h.bot("robo", Rooms("a", "b", "a")),
		"allowed are":    h.bot("robo", Rooms("a b")),
		"Parallel(-1)":   h.bot("robo", Rooms("a"), Parallel(-1)),
		"ftp":            New("ftp://x", Rooms("a")),
		"unauthorized":   New(h.url, Rooms("a"), Token("not a token")),
		"missing ), one": nil,
		"one word":       nil,
		"room secret":    New(h.url, Rooms("secret"), Token(h.token("robo", room.Grants{"lobby": {room.VerbAny}}))),
	} {
		if b == nil {
			b = h.bot("robo", Rooms("a"))
			if want == "one word" {
				b.OnCommand("two words", nothing)
			} else {
				b.OnMessage(Match("(x"), nothing)
				want = "missing closing )"
			}
		}
		if want != "no handler" {
			b.OnMessage(Any, nothing)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		require.ErrorContains(t, b.Run(ctx), want)
		cancel()
	}
}

func TestCursorFile(t *testing.T) {
	file := fileIn(t)
	f := File(file)
	_, known, err := f.Load("a")
	require.NoError(t, err)
	require.False(t, known)
	var writers sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		writers.Go(func() {
			for seq := uint64(1); seq <= 50; seq++ {
				if err := f.Save(name, client.Position{Epoch: "e", Seq: seq}); err != nil {
					t.Error(err)
				}
				at, _, err := File(file).Load(name)
				if err != nil || at.Seq < seq {
					t.Errorf("%s: saved %d, and the file says %d, %v", name, seq, at.Seq, err)
				}
			}
		})
	}
	writers.Wait()
	left, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, left, 1, "no other file is left behind")

	require.NoError(t, os.WriteFile(file, []byte("{torn"), 0o600))
	_, _, err = File(file).Load("a")
	require.ErrorContains(t, err, "does not hold one")
	require.Error(t, File(filepath.Join(file, "below")).Save("a", client.Position{}))
	require.Error(t, File(filepath.Join(t.TempDir(), "none", "c")).Save("a", client.Position{}))
}

func TestDerivedIDs(t *testing.T) {
	e := &client.Event{Room: "a", Position: client.Position{Epoch: "e", Seq: 4}, Event: &room.Event{}}
	id := deriveID("robo", e, 1)
	require.Equal(t, id, deriveID("robo", e, 1))
	require.LessOrEqual(t, len(id), room.MaxID)
	seen := map[string]bool{id: true}
	for _, other := range []string{
		deriveID("robo", e, 2), deriveID("other", e, 1),
		deriveID("robo", &client.Event{Room: "b", Position: e.Position}, 1),
		deriveID("robo", &client.Event{Room: "a", Position: client.Position{Epoch: "f", Seq: 4}}, 1),
		deriveID("robo", &client.Event{Room: "a", Position: client.Position{Epoch: "e", Seq: 5}}, 1),
	} {
		require.False(t, seen[other])
		seen[other] = true
	}
}
