package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/hub/bridge"
)

// damageTold is how many rows of damage are told one by one.
const damageTold = 100

// deep has all that is stored read, here or by the hub that uses it.
func (d *diagnosis) deep(ctx context.Context, c *DoctorCmd, log zerolog.Logger) error {
	report, err := c.read(ctx, log)
	if err != nil {
		return err
	}
	for i, dmg := range report.Damage {
		if i == damageTold {
			d.ill(fmt.Sprintf("and %d more places", len(report.Damage)-i), "They are like those above.")
			break
		}
		d.ill(dmg.String(), "Check the disk. On a cluster, let the damaged server take the stream from the others; else restore a backup of before, in a folder of its own, and see whether what is lost is worth going back.")
	}
	for _, note := range report.Notes {
		_, _ = fmt.Fprintf(d.out, "note   %s\n", note)
	}
	if report.Unsealed > 0 {
		_, _ = fmt.Fprintf(d.out, "note   %d messages are too new, or older than what is remembered of the log: there is nothing to hold them against\n", report.Unsealed)
	}
	d.well("%d messages are what they were when they were stored, %d were replaced or trimmed since, and %d blobs are whole", report.Messages, report.Meant, report.Blobs)
	return nil
}

func (c *DoctorCmd) read(ctx context.Context, log zerolog.Logger) (report *bridge.DeepReport, err error) {
	if c.AdminAddr != "" {
		var answer bytes.Buffer
		if err := runTask(ctx, c.AdminAddr, deepRoute, &answer); err != nil {
			return nil, err
		}
		report = new(bridge.DeepReport)
		if err := json.Unmarshal(answer.Bytes(), report); err != nil {
			return nil, fmt.Errorf("--admin-addr: the hub's answer: %w", err)
		}
		return report, nil
	}
	place := placeFlags{Data: c.Data, NATS: c.NATS}
	store, done, err := place.open(ctx, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	return bridge.Deep(ctx, store)
}
