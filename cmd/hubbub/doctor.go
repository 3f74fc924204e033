package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// DoctorCmd checks a data folder, a running hub, or a log on a cluster.
type DoctorCmd struct {
	Data string `help:"Data folder to check; no hub may be using it." placeholder:"DIR"`
	URL  string `name:"url" help:"Running hub to check." placeholder:"http://HOST:PORT"`

	Deep      bool      `help:"Read all that is stored, and hold each message against what it was when it was new: of --data, of the hub at --admin-addr, or of --nats."`
	AdminAddr string    `help:"Admin listener of the running hub to check with --deep." placeholder:"HOST:PORT"`
	NATS      natsFlags `embed:""`
}

// check holds that one thing is named to be checked.
func (c *DoctorCmd) check() error {
	n := 0
	for _, given := range []bool{c.Data != "", c.URL != "", c.AdminAddr != "", c.NATS.given()} {
		if given {
			n++
		}
	}
	switch {
	case n != 1:
		return errors.New("check what? Give one of --data DIR, --url http://HOST:PORT, --admin-addr HOST:PORT and --nats URL")
	case c.Deep && c.URL != "":
		return errors.New("--deep: what a hub has stored is read through its admin listener: give --admin-addr HOST:PORT in the place of --url")
	case !c.Deep && c.AdminAddr != "":
		return errors.New("--admin-addr is for --deep: give it as well, or --url in its place")
	}
	return nil
}

// diagnosis collects what is found.
type diagnosis struct {
	out  io.Writer
	ills int
}

func (d *diagnosis) well(format string, args ...any) {
	_, _ = fmt.Fprintf(d.out, "ok     "+format+"\n", args...)
}

// ill tells what is wrong, and what to do.
func (d *diagnosis) ill(what, advice string) {
	d.ills++
	_, _ = fmt.Fprintf(d.out, "WRONG  %s\n       %s\n", what, advice)
}

func (c *DoctorCmd) run(ctx context.Context, std streams) error {
	if err := c.check(); err != nil {
		return err
	}
	d := &diagnosis{out: std.out}
	if c.Deep { // first: who opens a log takes back the seals of an end that is lost
		if err := d.deep(ctx, c, quiet(std)); err != nil {
			return err
		}
	}
	switch {
	case c.URL != "":
		d.hub(ctx, strings.TrimRight(c.URL, "/"))
	case c.NATS.given():
		d.cluster(ctx, &c.NATS)
	case c.Data != "":
		d.folder(ctx, c.Data)
	}
	if d.ills > 0 {
		return exitError(1)
	}
	return nil
}

// folder opens the logs as the hub would, with all that it checks at its start.
func (d *diagnosis) folder(ctx context.Context, dir string) {
	if _, err := os.Stat(filepath.Join(dir, engineFile)); err != nil {
		d.ill(fmt.Sprintf("%s is no data folder of a hub: %v", dir, err), "Name the folder that hubbub serve prints on its first line.")
		return
	}
	d.secret(filepath.Join(dir, guestKeyFile), "be any guest")
	d.secret(filepath.Join(dir, tokenKeyFile), "be anybody")
	e, err := engineFlags{Ack: "fsync"}.open(ctx, dir, zerolog.Nop())
	if err != nil {
		d.ill(err.Error(), "Nothing was changed. If another hub is using the folder, check it with --url instead.")
		return
	}
	defer e.close(zerolog.Nop())
	for _, cut := range e.server.CutOff() {
		d.ill(cut, "After a loss of power that is what was just being written, and nobody had been told that it was stored. Else it is damage: check the disk, and restore a backup if what is lost matters.")
	}
	for _, found := range e.log.Findings() {
		d.ill(found.String(), "The rooms of this partition have a new epoch: clients are told to load them again. Restore a backup if what is lost matters, and check the disk.")
	}
	for _, found := range e.docs.Findings() {
		d.ill(found.String(), "Documents of this partition may lack what was lost. Restore a backup if it matters, and check the disk.")
	}
	if err := e.health(); err != nil {
		d.ill(err.Error(), "See that the disk has space and can be written.")
		return
	}
	d.well("the logs of rooms and documents in %s can be read and written", dir)
}

// secret checks that a key of the hub's own is for its own eyes.
func (d *diagnosis) secret(name, power string) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		d.ill(err.Error(), "Let the hub's user read its own folder.")
	case info.Mode().Perm()&0o077 != 0:
		d.ill(fmt.Sprintf("%s can be read by others (%v), who can then %s", name, info.Mode().Perm(), power), "chmod 600 "+name)
	default:
		d.well("%s is readable by its owner alone", name)
	}
}

// hub asks a running hub how it is.
func (d *diagnosis) hub(ctx context.Context, url string) {
	if status, _, err := ask(ctx, url+"/livez"); err != nil {
		d.ill(fmt.Sprintf("%s does not answer: %v", url, err), "Is the hub running, and is this the address that it prints?")
		return
	} else if status != http.StatusOK {
		d.ill(fmt.Sprintf("%s/livez answers %d", url, status), "Is it a hub that listens there?")
		return
	}
	d.well("%s is alive", url)
	status, body, err := ask(ctx, url+"/readyz")
	switch {
	case err != nil:
		d.ill(err.Error(), "Try again.")
	case status != http.StatusOK:
		d.ill("it is not ready: "+reason(body), "Publishers are told to try again, and nothing that was acknowledged is lost. Mend the cause; the hub goes on by itself where the engine allows it, else restart it.")
	default:
		d.well("it is ready: the log can store")
	}
}

func ask(ctx context.Context, url string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, body, errors.Join(err, resp.Body.Close())
}

// reason finds the text of an error in the hub's answer.
func reason(body []byte) string {
	var answer struct {
		Reason string `json:"reason"`
		Error  struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &answer) == nil {
		if answer.Error.Message != "" {
			return answer.Error.Message
		}
		if answer.Reason != "" {
			return answer.Reason
		}
	}
	return strings.TrimSpace(string(body))
}
