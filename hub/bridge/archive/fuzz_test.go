package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// FuzzRecords: whatever the records are, reading them ends, takes no more memory than
// the bounds allow, and gives nothing that is out of its place.
func FuzzRecords(f *testing.F) {
	var out bytes.Buffer
	w, err := NewWriter(&out, Head{Logs: []Log{{Of: Rooms, Partitions: make([]Partition, 2)}}})
	if err != nil {
		f.Fatal(err)
	}
	_ = w.Begin(Section{Of: Rooms, From: 1, To: 9})
	_ = w.Message(&Message{Seq: 2, Time: time.Unix(1, 0), Subject: "a", Header: []Header{{"k", "v"}}, Data: []byte("x")})
	_ = w.End()
	_ = w.Begin(Section{Of: Blobs, To: 0, From: 1, Again: true})
	_ = w.End()
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	z, err := zstd.NewReader(bytes.NewReader(out.Bytes()[len(magic):]))
	if err != nil {
		f.Fatal(err)
	}
	records, err := io.ReadAll(z)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(records)
	f.Add(records[:len(records)/2])
	f.Fuzz(func(t *testing.T, records []byte) {
		a, err := newReader(bytes.NewReader(records))
		if err != nil {
			return
		}
		var s Section
		var last uint64
		for {
			part, err := a.Next()
			if cap(a.body) > maxMessage {
				t.Fatal("more memory than a record may take")
			}
			if errors.Is(err, io.EOF) || errors.Is(err, ErrInvalid) {
				return
			}
			if err != nil {
				t.Fatal("an error that does not say that the archive is damaged", err)
			}
			switch part := part.(type) {
			case Section:
				s, last = part, 0
			case *Message:
				if part.Seq <= last || part.Seq < s.From || part.Seq > s.To {
					t.Fatal("out of its place", part.Seq)
				}
				last = part.Seq
				sameAgain(t, part)
			}
		}
	})
}

// sameAgain holds a message to what it is when it was written and read.
func sameAgain(t *testing.T, m *Message) {
	body, err := appendMessage(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	again, err := parseMessage(body)
	if err != nil {
		t.Fatal(err)
	}
	one, _ := json.Marshal(m)
	two, _ := json.Marshal(again)
	if !bytes.Equal(one, two) {
		t.Fatalf("%s\n%s", one, two)
	}
}
