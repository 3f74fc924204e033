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
	"time"

	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/transport"
)

// BackupCmd writes all that a running hub has stored to a file.
type BackupCmd struct {
	File      string    `arg:"" help:"File to write; a folder, for a file in it that is named by the time; or - for the standard output."`
	AdminAddr string    `help:"The running hub's own --admin-addr, if its log is its own." placeholder:"HOST:PORT"`
	NATS      natsFlags `embed:""`
}

func (c *BackupCmd) run(ctx context.Context, std streams) error {
	if (c.AdminAddr == "") == !c.NATS.given() {
		return errors.New("of which hub? Give --admin-addr HOST:PORT, where it serves /metrics, or --nats URL, if its log is on a cluster, and not both; the log of a hub that does not run is written by hubbub export")
	}
	if info, err := os.Stat(c.File); err == nil && info.IsDir() {
		c.File = filepath.Join(c.File, time.Now().UTC().Format("hubbub-20060102-150405.hub"))
	}
	if c.NATS.given() {
		export := ExportCmd{File: c.File, Place: placeFlags{NATS: c.NATS}}
		return export.run(ctx, std)
	}
	return writeArchive(c.File, std, func(w io.Writer) error { return c.fetch(ctx, w) })
}

// The routes of the admin listener that give a backup, and what doctor --deep tells.
const backupRoute, deepRoute = "/backup", "/deep"

// fetch has the hub write the backup: it alone may use its data folder.
func (c *BackupCmd) fetch(ctx context.Context, w io.Writer) error {
	return runTask(ctx, c.AdminAddr, backupRoute, w)
}

// runTask has a running hub do something for its operator, and copies what it gives.
func runTask(ctx context.Context, admin, route string, w io.Writer) error {
	url := "http://" + admin + route
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return fmt.Errorf("--admin-addr: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("--admin-addr: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		return errors.Join(fmt.Errorf("%s answers %d: %s", url, resp.StatusCode, reason(body)), err, resp.Body.Close())
	}
	_, err = io.Copy(w, resp.Body)
	return errors.Join(err, resp.Body.Close())
}

// tasks are what a running hub does for its operator.
func (f engineFlags) tasks(e *engine) map[string]transport.Task {
	store := bridge.Store{Connect: e.base.Connect}
	if e.shared {
		store.Prefix = f.NATS.Prefix
	}
	return map[string]transport.Task{
		"POST " + backupRoute: func(ctx context.Context, w io.Writer) error {
			_, err := bridge.Export(ctx, store, w, bridge.ExportOptions{By: "hubbub " + version})
			return err
		},
		"POST " + deepRoute: func(ctx context.Context, w io.Writer) error {
			report, err := bridge.Deep(ctx, store)
			if err != nil {
				return err
			}
			return json.NewEncoder(w).Encode(report)
		},
	}
}
