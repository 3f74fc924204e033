package bridge

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/hub/bridge/archive"
)

// sumUnderWay is a blob of which chunks were read, and its description was not.
type sumUnderWay struct {
	hash.Hash
	size  uint64
	first uint64
}

// deepBlobs reads the blobs and holds each against the digest in its description, which
// is stored behind it.
func (o *opened) deepBlobs(ctx context.Context, r *DeepReport) error {
	at := o.at(archive.Stream{Of: archive.Blobs})
	info, err := o.state(ctx, at.name)
	if err != nil {
		return err
	}
	if info == nil {
		return fmt.Errorf("stream %s is gone, and belongs to this log", at.name)
	}
	open := make(map[string]*sumUnderWay)
	if err := scan(ctx, o.nc, scanned{stream: at.name, from: 1, to: info.State.LastSeq}, func(m *archive.Message) error {
		if id, chunk := strings.CutPrefix(m.Subject, at.base+"C."); chunk {
			s := open[id]
			if s == nil {
				s = &sumUnderWay{Hash: sha256.New(), first: m.Seq}
				open[id] = s
			}
			_, _ = s.Write(m.Data)
			s.size += uint64(len(m.Data))
			return nil
		}
		about := new(jetstream.ObjectInfo)
		if err := json.Unmarshal(m.Data, about); err != nil {
			r.Damage = append(r.Damage, Damage{Of: archive.Blobs, From: m.Seq, To: m.Seq, Messages: 1, What: "descriptions cannot be read"})
			return nil
		}
		s := open[about.NUID]
		delete(open, about.NUID)
		if s == nil {
			s = &sumUnderWay{Hash: sha256.New(), first: m.Seq}
		}
		if about.Deleted {
			return nil
		}
		if r.Blobs++; s.size != about.Size || jetstream.GetObjectDigestValue(s) != about.Digest {
			r.Damage = append(r.Damage, Damage{Of: archive.Blobs, From: s.first, To: m.Seq, Messages: 1, What: "blobs are not what was stored", Names: []string{about.Name}})
		}
		return nil
	}); err != nil {
		return err
	}
	if len(open) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d blobs have no description: they were not stored to their end, or their description is lost", len(open)))
	}
	return nil
}
