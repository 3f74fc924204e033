package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
)

// TraceCmd tells what became of a message.
type TraceCmd struct {
	Room string `arg:"" help:"Room of the message."`
	ID   string `arg:"" optional:"" help:"The message's id, as its publisher gave it and hubbub tail --format json shows it. It is looked for among the newest 10,000 events of the room."`

	Seq    uint64 `help:"The message's sequence, in place of its id: for one however old." placeholder:"SEQ"`
	User   string `help:"Who wrote it, where several users have used the same id. Without it, the newest counts." placeholder:"USER"`
	Format string `help:"text: some lines to be read. json: the answer of GET /api/rooms/ROOM/trace/ID as it is." default:"text" enum:"text,json" placeholder:"FORMAT"`

	URL    string   `name:"url" help:"Address of the hub; several instances of it, separated by commas, are tried in turn. Any of them answers for all." default:"ws://127.0.0.1:8080" placeholder:"URL"`
	APIKey []string `name:"api-key" help:"An --api-key of the hub; of several, the first is used. Users' tokens do not do." placeholder:"SECRET" sep:","`
}

// traceTimeout is how long an instance has to answer: a little longer than it gives
// its log.
const traceTimeout = 20 * time.Second

// maxTraceAnswer bounds what is read of an answer, in bytes.
const maxTraceAnswer = 16 << 20

func (c *TraceCmd) run(ctx context.Context, std streams) error {
	if err := c.check(); err != nil {
		return err
	}
	body, err := c.ask(ctx)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(std.out)
	if c.Format == "json" {
		_, _ = out.Write(append(body, '\n'))
		return out.Flush()
	}
	var t hub.Trace
	if err := json.Unmarshal(body, &t); err != nil {
		return fmt.Errorf("--url: the answer is none of a hub: %w", err)
	}
	printTrace(out, &t)
	return out.Flush()
}

// check refuses what cannot be meant.
func (c *TraceCmd) check() error {
	switch {
	case (c.ID == "") == (c.Seq == 0):
		return errors.New("which message? Give its id behind the room, or --seq SEQ")
	case c.Seq != 0 && c.User != "":
		return errors.New("--user is for an id, which each user may use: with --seq leave it out")
	case len(c.APIKey) == 0 || c.APIKey[0] == "":
		return errors.New("--api-key: is missing; a trace is for the hub's operator, so give an --api-key that the hub was started with (HUBBUB_API_KEY and HUBBUB_API_KEY_FILE do as well)")
	}
	return room.CheckName(c.Room)
}

// ask asks one instance after the other, until one can be reached.
func (c *TraceCmd) ask(ctx context.Context) (body []byte, err error) {
	for _, base := range strings.Split(c.URL, ",") {
		var reached bool
		if body, reached, err = c.askOne(ctx, strings.TrimSpace(base)); reached {
			return body, err
		}
	}
	return nil, err
}

func (c *TraceCmd) askOne(ctx context.Context, base string) (body []byte, reached bool, err error) {
	address, err := c.address(base)
	if err != nil {
		return nil, true, err
	}
	ctx, cancel := context.WithTimeout(ctx, traceTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, true, fmt.Errorf("--url: %w", err)
	}
	req.Header.Set("X-API-Key", c.APIKey[0])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, false, fmt.Errorf("--url: %w", err)
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxTraceAnswer))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, false, fmt.Errorf("--url: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, true, fmt.Errorf("the hub answers %d: %s", resp.StatusCode, reason(body))
	}
	return body, true, nil
}

// address gives where a hub is asked for the trace.
func (c *TraceCmd) address(base string) (string, error) {
	u, err := url.Parse(base)
	schemes := map[string]string{"ws": "http", "wss": "https", "http": "http", "https": "https"}
	if err != nil || u.Host == "" || schemes[u.Scheme] == "" {
		return "", fmt.Errorf("--url %s: give ws://HOST:PORT, wss://HOST:PORT, or the same with http", base)
	}
	id, q := c.ID, url.Values{}
	if c.Seq != 0 {
		id = strconv.FormatUint(c.Seq, 10)
		q.Set("by", "seq")
	}
	if c.User != "" {
		q.Set("user", c.User)
	}
	where := schemes[u.Scheme] + "://" + u.Host + "/api/rooms/" + url.PathEscape(c.Room) + "/trace/" + url.PathEscape(id)
	if len(q) > 0 {
		where += "?" + q.Encode()
	}
	return where, nil
}
