package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/s2"
	natsarchive "github.com/nats-io/nats-server/v2/server/archive"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/hub/bridge/archive"
)

// uploadChunk is what is sent at once of a stream that is restored.
const uploadChunk = 256 << 10

// uploadHeard is for how long a part that nobody took is sent again.
const uploadHeard = 3 * time.Second

// uploadIdle is how long a stream that is restored may get nothing.
const uploadIdle = time.Second

// upload gives a stream to the server, which restores it with its sequences. What the
// server takes is its own form of a backup (since 2.15), made here from ours.
type upload struct {
	base string
	out  *natsarchive.Writer // nil: the stream is empty, and there already
	zip  *s2.Writer
	pipe *io.PipeWriter
	done chan error // the sender's answer
	last time.Time  // when it was kept waiting last
}

// errTooOld: what a server before 2.15 says of the form.
var errTooOld = errors.New("the server restores no streams of this form: it takes nats-server 2.15 or newer")

func startUpload(ctx context.Context, nc *nats.Conn, cfg jetstream.StreamConfig, base string, c *content) (*upload, error) {
	state := map[string]any{
		"messages": c.messages, "bytes": 0, "first_seq": c.first, "last_seq": c.last, "consumer_count": 0,
		"first_ts": "0001-01-01T00:00:00Z", "last_ts": "0001-01-01T00:00:00Z",
	}
	if !atLeast(nc.ConnectedServerVersion(), 2, 15) {
		return nil, fmt.Errorf("%w; it is %s", errTooOld, nc.ConnectedServerVersion())
	}
	to, err := beginRestore(ctx, nc, cfg, state)
	if err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	u := &upload{base: base, pipe: w, zip: s2.NewWriter(w, s2.WriterConcurrency(1)), done: make(chan error, 1)}
	u.out = natsarchive.NewWriter(u.zip)
	go func() {
		err := sendChunks(ctx, nc, to, r)
		_ = r.CloseWithError(err)
		u.done <- err
	}()
	data, err := json.Marshal(state)
	if err == nil {
		err = u.write(&natsarchive.Header{Name: "state.json", PayloadSize: int64(len(data))}, data)
	}
	if err != nil {
		u.abort()
		return nil, err
	}
	return u, nil
}

func atLeast(version string, major, minor int) bool {
	var a, b int
	_, err := fmt.Sscanf(version, "%d.%d", &a, &b)
	return err == nil && (a > major || a == major && b >= minor)
}

// beginRestore asks for a stream to be restored, and gives where to send it.
func beginRestore(ctx context.Context, nc *nats.Conn, cfg jetstream.StreamConfig, state any) (string, error) {
	req, err := json.Marshal(map[string]any{"config": cfg, "state": state})
	if err != nil {
		return "", fmt.Errorf("encode the request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	msg, err := nc.RequestWithContext(ctx, "$JS.API.STREAM.RESTORE."+cfg.Name, req)
	if err != nil {
		return "", fmt.Errorf("ask the server to restore: %w", err)
	}
	var answer struct {
		Error   *apiError `json:"error"`
		Deliver string    `json:"deliver_subject"`
	}
	switch err := json.Unmarshal(msg.Data, &answer); {
	case err != nil:
		return "", fmt.Errorf("the server's answer: %w", err)
	case answer.Error != nil:
		return "", answer.Error
	case answer.Deliver == "":
		return "", errors.New("the server's answer names no subject to send to")
	}
	return answer.Deliver, nil
}

// sendChunks sends what r gives, a chunk for each answer, and then says that it was all.
func sendChunks(ctx context.Context, nc *nats.Conn, to string, r io.Reader) error {
	chunk := make([]byte, min(uploadChunk, nc.MaxPayload()/2))
	for {
		n, rerr := io.ReadFull(r, chunk)
		if rerr != nil && !errors.Is(rerr, io.EOF) && !errors.Is(rerr, io.ErrUnexpectedEOF) {
			return rerr
		}
		if n > 0 {
			if err := sendChunk(ctx, nc, to, chunk[:n]); err != nil {
				return err
			}
		}
		if rerr != nil {
			return sendChunk(ctx, nc, to, nil)
		}
	}
}

// sendChunk sends one, and waits for its answer. In a cluster the server that we are on
// may hear where to send before it knows that somebody listens there.
func sendChunk(ctx context.Context, nc *nats.Conn, to string, chunk []byte) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	msg, err := nc.RequestWithContext(ctx, to, chunk)
	for wait, end := backoffFirst, time.Now().Add(uploadHeard); errors.Is(err, nats.ErrNoResponders) && time.Now().Before(end); wait *= 2 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		msg, err = nc.RequestWithContext(ctx, to, chunk)
	}
	if err != nil {
		return fmt.Errorf("send a part: %w", err)
	}
	if len(msg.Data) == 0 {
		return nil
	}
	var answer struct {
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(msg.Data, &answer); err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	if answer.Error != nil {
		return answer.Error
	}
	return nil
}

// take sends the messages of the section that r has begun.
func (u *upload) take(r *archive.Reader) error {
	for {
		part, err := r.Next()
		if err != nil {
			return err
		}
		m, ok := part.(*archive.Message)
		if !ok {
			return nil // the section's end
		}
		if u.out == nil {
			return fmt.Errorf("%w: a stream that ends at 0 has messages", archive.ErrInvalid)
		}
		head := headerBytes(m.Header)
		h := natsarchive.Header{
			Name: u.base + m.Subject, Timestamp: m.Time.UnixNano(), Sequence: m.Seq,
			HeaderSize: int64(len(head)), PayloadSize: int64(len(m.Data)),
		}
		if err := u.write(&h, append(head, m.Data...)); err != nil {
			return u.why(err)
		}
	}
}

// headerBytes gives headers as a server stores them.
func headerBytes(headers []archive.Header) []byte {
	if len(headers) == 0 {
		return nil
	}
	b := []byte("NATS/1.0\r\n")
	for _, h := range headers {
		b = append(append(append(append(b, h.Name...), ": "...), h.Value...), "\r\n"...)
	}
	return append(b, "\r\n"...)
}

func (u *upload) write(h *natsarchive.Header, body []byte) error {
	if err := u.out.WriteHeader(h); err != nil {
		return err
	}
	_, err := u.out.Write(body)
	return err
}

// why prefers what the server has said to what came of it.
func (u *upload) why(err error) error {
	_ = u.pipe.CloseWithError(err)
	if answer := <-u.done; answer != nil {
		err = answer
	}
	u.done <- err
	return err
}

// idle keeps the server waiting, while what is read is of no concern to it: it gives a
// restore up that is silent for 5 s. What is sent is padding of the compressed form.
func (u *upload) idle() error {
	if u.out == nil || time.Since(u.last) < uploadIdle {
		return nil
	}
	u.last = time.Now()
	if err := errors.Join(u.out.Flush(), u.zip.Flush()); err != nil {
		return u.why(err)
	}
	pad := make([]byte, 4+uploadChunk)
	pad[0], pad[1], pad[2], pad[3] = 0xfe, byte(uploadChunk&0xff), byte(uploadChunk>>8&0xff), byte(uploadChunk>>16)
	if _, err := u.pipe.Write(pad); err != nil {
		return u.why(err)
	}
	return nil
}

// end sends the end, and waits until the stream is there.
func (u *upload) end() error {
	if u.out == nil {
		return nil
	}
	err := errors.Join(u.write(new(natsarchive.Header), nil), u.out.Flush(), u.zip.Close())
	if err != nil {
		return u.why(err)
	}
	_ = u.pipe.Close() // it never fails
	err = <-u.done
	u.done <- err
	return err
}

// abort lets go of what was begun.
func (u *upload) abort() {
	if u.out == nil {
		return
	}
	_ = u.pipe.CloseWithError(errors.New("the import was given up"))
	u.done <- <-u.done
}
