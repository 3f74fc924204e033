package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/docs"
	"github.com/hubbub-im/hubbub/room"
)

// docFlags are the bounds on documents, and what is kept of them.
type docFlags struct {
	DocUpdate    byteSize      `help:"Bytes of one update of a document." default:"8MiB" placeholder:"SIZE"`
	DocSize      byteSize      `help:"Bytes that a document may hold in memory." default:"64MiB" placeholder:"SIZE"`
	VersionEvery time.Duration `help:"After how long a version of a document that is being edited is made; negative: none is." default:"10m" placeholder:"TIME"`
	VersionKeep  time.Duration `help:"How long versions are kept to which nobody has given a name." default:"2160h" placeholder:"TIME"`
}

// open starts the documents.
func (f docFlags) open(e *engine, h *hub.Hub, log zerolog.Logger) *docs.Docs {
	return docs.New(docs.Config{
		Log: e.docs, Blobs: e.blobs, Bus: e.docBus,
		Limits:   docs.Limits{Update: int(f.DocUpdate), Document: int(f.DocSize)},
		Versions: docs.VersionPolicy{Every: f.VersionEvery, Keep: f.VersionKeep},
		Announce: announcer{h, log}.announce,
		Fault:    func(doc string, err error) { log.Warn().Str("document", doc).Err(err).Msg("documents") },
	})
}

// announcer tells a room that one of its documents has changed, as an event of the
// application type document.changed: bots and webhooks hear of it as of any other.
type announcer struct {
	hub *hub.Hub
	log zerolog.Logger
}

// announceTime bounds the storing of such an event.
const announceTime = 20 * time.Second

func (a announcer) announce(c docs.Changed) {
	of, _ := room.DocRoom(c.Doc)
	data, err := json.Marshal(struct {
		Document string   `json:"document"`
		Epoch    string   `json:"epoch"`
		Seq      uint64   `json:"seq"`
		Users    []string `json:"users"`
	}{c.Doc, c.At.Epoch, c.At.Seq, c.Users})
	if err != nil {
		a.log.Error().Err(err).Msg("encode an announcement")
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), announceTime)
	defer cancel()
	told := make(chan hub.Outcome, 1)
	caller := room.Caller{User: "hubbub", Name: "Hubbub", Grants: room.Grants{of: {room.VerbPublish}}}
	cmd := room.Command{Kind: room.KindCustom, Type: "document.changed", Data: data}
	a.hub.Publish(ctx, caller, of, []room.Command{cmd}, func(o []hub.Outcome) { told <- o[0] })
	select {
	case o := <-told:
		if o.Err != nil {
			a.log.Warn().Str("document", c.Doc).Err(o.Err).Msg("a change was not announced")
		}
	case <-ctx.Done():
		a.log.Warn().Str("document", c.Doc).Msg("a change was not announced in time")
	}
}
