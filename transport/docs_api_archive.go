package transport

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
)

// Bounds on an archive that is taken in.
const (
	maxArchive     = 64 << 20  // bytes, as it comes
	maxUnpacked    = 256 << 20 // bytes of all that is in it
	maxArchived    = 2000      // documents
	maxManifest    = 16 << 20
	manifestName   = "manifest.json"
	archiveVersion = 1
)

// manifest says what an archive holds.
type manifest struct {
	Version int           `json:"version"`
	Room    string        `json:"room"`
	At      time.Time     `json:"at"`
	Docs    []archivedDoc `json:"docs"`
}

// archivedDoc is a document in an archive. Its versions and comments are told of, and
// not taken in again: the messages that they refer to are in the room's own log.
type archivedDoc struct {
	Doc      string                     `json:"doc"`
	File     string                     `json:"file"`
	Edited   *time.Time                 `json:"edited,omitempty"`
	Versions []versionAnswer            `json:"versions"`
	Comments []document.Comment         `json:"comments"`
	Authors  map[uint64]document.Author `json:"authors"`
}

// docExport gives all documents of a room that the caller may read as a zip archive.
func (a *api) docExport(ctx context.Context, req *docRequest) (any, error) {
	of := req.query.Get("room")
	names, err := a.docs().List(ctx, req.caller, of)
	if err != nil {
		return nil, err
	}
	if err := req.pay(len(names) / 10); err != nil {
		return nil, err
	}
	slices.Sort(names)
	file := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			return c
		}
		return '-'
	}, of) + ".zip"
	return streamed{typeZip, file, func(w io.Writer) error {
		// The request's own time has run out: it was for the answer to begin.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), archiveTimeout)
		defer cancel()
		z := zip.NewWriter(w)
		m := manifest{Version: archiveVersion, Room: of, At: time.Now().UTC(), Docs: []archivedDoc{}}
		for _, name := range names {
			doc, err := a.archive(ctx, z, req.caller, name, len(m.Docs)+1)
			if err != nil {
				return err
			}
			if doc != nil {
				m.Docs = append(m.Docs, *doc)
			}
		}
		entry, err := z.Create(manifestName)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(entry).Encode(m); err != nil {
			return err
		}
		return z.Close()
	}}, nil
}

// archive puts a document into the archive, if it is not one that was deleted.
func (a *api) archive(ctx context.Context, z *zip.Writer, caller room.Caller, name string, n int) (*archivedDoc, error) {
	update, info, err := a.docs().Read(ctx, caller, name)
	if err != nil {
		if room.AsError(err).Code == room.CodeNotFound {
			return nil, nil
		}
		return nil, err
	}
	versions, err := a.docs().Versions(ctx, caller, name)
	if err != nil {
		return nil, err
	}
	comments, err := a.docs().Comments(ctx, caller, name)
	if err != nil {
		return nil, err
	}
	doc := &archivedDoc{
		Doc: name, File: fmt.Sprintf("docs/%04d.yjs", n), Edited: describe(name, info).Edited,
		Versions: []versionAnswer{}, Comments: []document.Comment{}, Authors: info.Authors,
	}
	for i := range versions {
		doc.Versions = append(doc.Versions, versionOf(&versions[i]))
	}
	for i := range comments {
		doc.Comments = append(doc.Comments, comments[i].Comment)
	}
	entry, err := z.Create(doc.File)
	if err != nil {
		return nil, err
	}
	_, err = entry.Write(update)
	return doc, err
}

type importAnswer struct {
	Room    string           `json:"room"`
	Created []string         `json:"created"`
	Refused []importRefusals `json:"refused"`
}

// importRefusals is a document that was not taken in.
type importRefusals struct {
	Doc     string    `json:"doc"`
	Code    room.Code `json:"code"`
	Message string    `json:"message"`
}

// docImport makes the documents of an archive in a room. One that there is already is
// left as it is, and told.
func (a *api) docImport(ctx context.Context, req *docRequest) (any, error) {
	answer := importAnswer{Room: req.query.Get("room"), Created: []string{}, Refused: []importRefusals{}}
	if err := room.CheckName(answer.Room); err != nil {
		return nil, err
	}
	files, m, err := openArchive(req.body)
	if err != nil {
		return nil, err
	}
	if err := req.pay(len(m.Docs) / 10); err != nil {
		return nil, err
	}
	left := int64(maxUnpacked)
	for _, doc := range m.Docs {
		name, err := answer.rename(m.Room, doc.Doc)
		if err == nil {
			err = a.importDoc(ctx, req, name, files[doc.File], &left)
		}
		if err == nil {
			answer.Created = append(answer.Created, name)
			continue
		}
		e := room.AsError(docError(err))
		if e.Code.Retryable() {
			return nil, err // what is there by now is a conflict the next time
		}
		answer.Refused = append(answer.Refused, importRefusals{doc.Doc, e.Code, e.Message})
	}
	return answer, nil
}

// rename gives the name that a document of another room has in this one.
func (answer *importAnswer) rename(from, name string) (string, error) {
	title, ok := strings.CutPrefix(name, from)
	if !ok || title != "" && title[0] != '/' || from == "" {
		return "", room.Errorf(room.CodeBadRequest, "doc: %.128q is not of the room %.128q that the archive is of", name, from)
	}
	name = answer.Room + title
	return name, room.CheckDocName(name)
}

func (a *api) importDoc(ctx context.Context, req *docRequest, name string, f *zip.File, left *int64) error {
	if f == nil {
		return room.Errorf(room.CodeBadRequest, "file: the archive does not have the one that it names")
	}
	update, err := unpack(f, min(*left, int64(a.docs().Limits().Document)))
	if err != nil {
		return err
	}
	*left -= int64(len(update))
	_, err = a.docs().Create(ctx, req.caller, name, update)
	return err
}

// openArchive reads what an archive says that it holds.
func openArchive(data []byte) (map[string]*zip.File, *manifest, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, nil, room.Errorf(room.CodeBadRequest, "body: is no zip archive: %v", err)
	}
	if len(z.File) > maxArchived+1 {
		return nil, nil, room.Errorf(room.CodeTooLarge, "body: the archive has %d files; at most %d are taken", len(z.File), maxArchived+1)
	}
	files := make(map[string]*zip.File, len(z.File))
	for _, f := range z.File {
		files[f.Name] = f
	}
	if files[manifestName] == nil {
		return nil, nil, room.Errorf(room.CodeBadRequest, "body: the archive has no %s; send one that GET /api/docs-export gave", manifestName)
	}
	text, err := unpack(files[manifestName], maxManifest)
	if err != nil {
		return nil, nil, err
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, nil, room.Errorf(room.CodeBadRequest, "%s: %v", manifestName, err)
	}
	if m.Version != archiveVersion {
		return nil, nil, room.Errorf(room.CodeBadRequest, "%s: version is %d; this hub knows %d", manifestName, m.Version, archiveVersion)
	}
	if len(m.Docs) > maxArchived {
		return nil, nil, room.Errorf(room.CodeTooLarge, "%s: names %d documents; at most %d are taken", manifestName, len(m.Docs), maxArchived)
	}
	return files, &m, nil
}

// unpack reads a file of at most so many bytes, whatever the archive says of its size.
func unpack(f *zip.File, most int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, room.Errorf(room.CodeBadRequest, "%.64s: %v", f.Name, err)
	}
	defer func() { _ = r.Close() }() // it is only read
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, room.Errorf(room.CodeBadRequest, "%.64s: %v", f.Name, err)
	}
	if int64(len(data)) > most {
		return nil, room.Errorf(room.CodeTooLarge, "%.64s: unpacks to more than the %d bytes that are left for it", f.Name, most)
	}
	return data, nil
}
