package storetest

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

func (b *bench) content(digest string) ([]byte, error) {
	var content []byte
	err := b.s.Read(b.Context(), func(r *store.Reader) error {
		_, rc, err := r.Blob(b.Context(), digest)
		if err != nil {
			return err
		}
		content, err = io.ReadAll(rc)
		return errors.Join(err, rc.Close())
	})
	return content, err
}

func blobs(b *bench) {
	for _, size := range []int{0, 1, 64 << 10, 64<<10 + 1, 1 << 20, 1<<20 + 65537} {
		body := bytes.Repeat([]byte{0, 255, 'x', '\n', 7}, size/5+1)[:size]
		for range 2 { // the second time it is there already
			got, err := b.s.PutBlob(b.Context(), "recording", "application/x-asciicast", "录像.cast", bytes.NewReader(body))
			if err != nil {
				b.Fatalf("%d bytes: %v", size, err)
			}
			same(b, "blob", got, dr.Blob{Digest: dr.Digest(body), Size: int64(size), Kind: "recording", Media: "application/x-asciicast", Name: "录像.cast"})
		}
		back, err := b.content(dr.Digest(body))
		if err != nil || !bytes.Equal(back, body) {
			b.Errorf("%d bytes came back as %d, %v", size, len(back), err)
		}
	}
	body := bytes.Repeat([]byte("slow"), 50000)
	blob, err := b.s.PutBlob(b.Context(), "output", "text/plain", "out", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	var open []io.ReadCloser // more than there are connections, none read to its end
	for range 12 {
		got, content, err := b.s.OpenBlob(b.Context(), blob.Digest)
		if err != nil {
			b.Fatal(err)
		}
		same(b, "blob", got, blob)
		open = append(open, content)
	}
	for _, content := range open {
		back, err := io.ReadAll(content)
		if err = errors.Join(err, content.Close()); err != nil || !bytes.Equal(back, body) {
			b.Errorf("read in pieces it is %d bytes, %v", len(back), err)
		}
	}
	if _, _, err := b.s.OpenBlob(b.Context(), "sha256:00"); dr.KindOf(err) != dr.NotFound {
		b.Errorf("unknown evidence: %v", err)
	}
	if _, err := b.content("sha256:00"); dr.KindOf(err) != dr.NotFound {
		b.Errorf("unknown evidence: %v", err)
	}
}

func blobErased(b *bench) {
	body := []byte("what the screen said")
	blob, err := b.s.PutBlob(b.Context(), "output", "text/plain", "out", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	b.time.forward(time.Hour)
	b.read(func(r *store.Reader) error {
		old, err := r.BlobsBefore(b.Context(), b.time.time(), 10)
		same(b, "old evidence", old, []dr.Blob{blob})
		return err
	})
	erase := func(tx *store.Tx) error {
		return tx.EraseBlob(b.Context(), dr.Actor{Person: "admin", Surface: "cli"}, blob.Digest)
	}
	before := b.head().Size
	b.write(erase)
	b.write(erase) // nothing more to erase, no second row
	if after := b.head().Size; after != before+1 {
		b.Errorf("erasing wrote %d rows", after-before)
	}
	if _, err := b.content(blob.Digest); dr.KindOf(err) != dr.NotFound || !strings.Contains(err.Error(), "blob_erased") {
		b.Errorf("erased evidence: %v", err)
	}
	if _, err := b.s.PutBlob(b.Context(), "output", "text/plain", "out", bytes.NewReader(body)); err != nil {
		b.Fatal(err)
	}
	if back, err := b.content(blob.Digest); err != nil || !bytes.Equal(back, body) {
		b.Errorf("kept again it is %q, %v", back, err)
	}
}

func blobBrokenOff(b *bench) {
	broken := errors.New("the pipe broke")
	r := io.MultiReader(bytes.NewReader(make([]byte, 3<<20)), &failing{broken})
	if _, err := b.s.PutBlob(b.Context(), "recording", "x/y", "z", r); !errors.Is(err, broken) {
		b.Errorf("a broken source: %v", err)
	}
	if _, err := b.content(dr.Digest(make([]byte, 3<<20))); dr.KindOf(err) != dr.NotFound {
		b.Errorf("half of it is kept: %v", err)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func tokens(b *bench) {
	tok := store.Token{ID: "t1", Person: "lin", Label: "my laptop", Hash: "sha256:ab", Scopes: []string{"run", "read"}, Created: b.time.time(), Expires: b.time.time().Plus(86400000)}
	other := store.Token{ID: "t2", Person: "chen", Hash: "sha256:cd", Scopes: []string{}, Created: b.time.time(), Expires: b.time.time().Plus(1)}
	b.write(func(tx *store.Tx) error {
		return errors.Join(tx.PutToken(b.Context(), tok), tx.PutToken(b.Context(), other))
	})
	b.write(func(tx *store.Tx) error { return tx.TouchToken(b.Context(), "t1", b.time.time()) })
	tok.Used = b.time.time()
	b.read(func(r *store.Reader) error {
		got, err := r.TokenByHash(b.Context(), "sha256:ab")
		same(b, "token", got, tok)
		all, err2 := r.Tokens(b.Context(), "")
		same(b, "all tokens", all, []store.Token{other, tok})
		mine, err3 := r.Tokens(b.Context(), "lin")
		same(b, "tokens of lin", mine, []store.Token{tok})
		return errors.Join(err, err2, err3)
	})
	b.write(func(tx *store.Tx) error { return tx.RevokeToken(b.Context(), "t1", b.time.time()) })
	b.refused(dr.Conflict, "token_gone", func(tx *store.Tx) error { return tx.RevokeToken(b.Context(), "t1", b.time.time()) })
	b.write(func(tx *store.Tx) error {
		n, err := tx.RevokeTokensOf(b.Context(), "chen", b.time.time())
		same(b, "revoked", n, 1)
		return err
	})
	err := b.s.Read(b.Context(), func(r *store.Reader) error { _, err := r.TokenByHash(b.Context(), "sha256:00"); return err })
	if dr.KindOf(err) != dr.NotFound {
		b.Errorf("an unknown token: %v", err)
	}
}

func sessionsAndNonces(b *bench) {
	s := store.Session{Hash: "h1", Person: "lin", Surface: "console", Made: b.time.time(), Expires: b.time.time().Plus(1000), Used: b.time.time(), Detail: `{"csrf":"x"}`}
	b.write(func(tx *store.Tx) error { return tx.PutSession(b.Context(), s) })
	s.Used = b.time.time().Plus(500)
	b.write(func(tx *store.Tx) error { return tx.PutSession(b.Context(), s) })
	b.read(func(r *store.Reader) error {
		got, err := r.Session(b.Context(), "h1")
		same(b, "session", got, s)
		return err
	})
	n := store.Nonce{Nonce: "n1", Purpose: "button", Person: "lin", Detail: "{}", Expires: b.time.time().Plus(1000)}
	late := store.Nonce{Nonce: "n2", Purpose: "button", Expires: b.time.time().Plus(10)}
	b.write(func(tx *store.Tx) error {
		return errors.Join(tx.PutNonce(b.Context(), n), tx.PutNonce(b.Context(), late))
	})
	b.time.forward(100 * time.Millisecond)
	for range 2 { // looking uses nothing up
		b.read(func(r *store.Reader) error {
			got, err := r.Nonce(b.Context(), "button", "n1")
			same(b, "nonce looked at", got, n)
			return err
		})
	}
	b.write(func(tx *store.Tx) error {
		got, err := tx.TakeNonce(b.Context(), "button", "n1")
		same(b, "nonce", got, n)
		return err
	})
	for _, gone := range [][2]string{{"button", "n1"}, {"button", "n2"}, {"form", "n1"}, {"button", "n3"}} {
		b.refused(dr.Conflict, "nonce_gone", func(tx *store.Tx) error { _, err := tx.TakeNonce(b.Context(), gone[0], gone[1]); return err })
		b.refused(dr.Conflict, "nonce_gone", func(tx *store.Tx) error { _, err := tx.Nonce(b.Context(), gone[0], gone[1]); return err })
	}
	b.time.forward(time.Hour)
	b.write(func(tx *store.Tx) error { return tx.DropOld(b.Context(), b.time.time()) })
	err := b.s.Read(b.Context(), func(r *store.Reader) error { _, err := r.Session(b.Context(), "h1"); return err })
	if dr.KindOf(err) != dr.NotFound {
		b.Errorf("a session past its time: %v", err)
	}
	b.write(func(tx *store.Tx) error {
		return errors.Join(tx.PutSession(b.Context(), s), tx.DropSessionsOf(b.Context(), "lin"), tx.DropSession(b.Context(), "h1"))
	})
}

func notices(b *bench) {
	n := store.Notice{ID: "n1", Run: "r1", About: "unknown", Person: "chen", State: "sent", Due: b.time.time().Plus(1000), Sent: b.time.time(), Detail: `{"via":"phone"}`}
	b.write(func(tx *store.Tx) error { return tx.PutNotice(b.Context(), n) })
	b.write(func(tx *store.Tx) error { return tx.AckNotice(b.Context(), "n1", "wu", b.time.time()) })
	b.refused(dr.Conflict, "notice_answered", func(tx *store.Tx) error { return tx.AckNotice(b.Context(), "n1", "lin", b.time.time()) })
	n.State, n.Acked, n.AckedBy = "acknowledged", b.time.time(), "wu"
	b.read(func(r *store.Reader) error {
		one, err := r.Notice(b.Context(), "n1")
		same(b, "notice", one, n)
		of, err2 := r.Notices(b.Context(), "r1")
		same(b, "notices", of, []store.Notice{n})
		none, err3 := r.Notices(b.Context(), "r2")
		same(b, "notices of another run", len(none), 0)
		return errors.Join(err, err2, err3)
	})
}

func queues(b *bench) {
	event := store.InboxEvent{Surface: "slack", Event: "Ev1", Received: b.time.time(), Body: `{"text":"/dr plans"}`}
	put := func(want bool) {
		b.Helper()
		b.write(func(tx *store.Tx) error {
			fresh, err := tx.PutInbox(b.Context(), event)
			same(b, "fresh", fresh, want)
			return err
		})
	}
	put(true)
	put(false)
	b.read(func(r *store.Reader) error {
		open, err := r.OpenInbox(b.Context(), 10)
		same(b, "inbox", open, []store.InboxEvent{event})
		return err
	})
	b.time.forward(time.Minute)
	var ours atomic.Int64
	together(4, func(i int) { // several servers take it for lost
		mine := false
		err := b.s.Write(b.Context(), func(tx *store.Tx) (err error) {
			mine, err = tx.ClaimInbox(b.Context(), event, b.time.time().Plus(dr.Millis(i+1)))
			return err
		})
		if err != nil {
			b.Error(err)
		}
		if mine {
			ours.Add(1)
		}
	})
	same(b, "servers that have the event", ours.Load(), 1)
	b.write(func(tx *store.Tx) error { return tx.DoneInbox(b.Context(), "slack", "Ev1", b.time.time()) })
	b.write(func(tx *store.Tx) error {
		mine, err := tx.ClaimInbox(b.Context(), event, b.time.time())
		same(b, "a worked event is claimed", mine, false)
		return err
	})
	b.refused(dr.Conflict, "event_done", func(tx *store.Tx) error { return tx.DoneInbox(b.Context(), "slack", "Ev1", b.time.time()) })
	put(false)

	msg := store.Outgoing{Key: "r1/started", Surface: "slack", Dest: "ops", Run: "r1", Kind: "card", Body: "{}", Made: b.time.time(), Due: b.time.time()}
	for _, want := range []bool{true, false} {
		b.write(func(tx *store.Tx) error {
			fresh, err := tx.PutOutbox(b.Context(), msg)
			same(b, "fresh", fresh, want)
			return err
		})
	}
	due := func(surface string) (n int) {
		b.Helper()
		b.read(func(r *store.Reader) error {
			out, err := r.DueOutbox(b.Context(), surface, b.time.time(), 10)
			n = len(out)
			return err
		})
		return n
	}
	same(b, "due", []int{due("slack"), due(""), due("console")}, []int{1, 1, 0})
	b.write(func(tx *store.Tx) error {
		return tx.DelayOutbox(b.Context(), msg.Key, "rate limited", b.time.time().Plus(1000))
	})
	same(b, "due", due("slack"), 0)
	b.time.forward(2 * time.Second)
	same(b, "due", due("slack"), 1)
	b.write(func(tx *store.Tx) error { return tx.SentOutbox(b.Context(), msg.Key, "C1:17.2", b.time.time()) })
	b.refused(dr.Conflict, "message_sent", func(tx *store.Tx) error { return tx.SentOutbox(b.Context(), msg.Key, "C1:17.3", b.time.time()) })
	b.read(func(r *store.Reader) error {
		got, err := r.Outbox(b.Context(), msg.Key)
		msg.Due, msg.Tries, msg.Sent, msg.Ref = got.Due, 1, b.time.time(), "C1:17.2"
		same(b, "message", got, msg)
		at, err2 := r.Cursor(b.Context(), "slack")
		same(b, "cursor", at, 0)
		return errors.Join(err, err2)
	})
	b.write(func(tx *store.Tx) error {
		return errors.Join(tx.SetCursor(b.Context(), "slack", 7), tx.SetCursor(b.Context(), "slack", 9))
	})
	b.read(func(r *store.Reader) error {
		at, err := r.Cursor(b.Context(), "slack")
		same(b, "cursor", at, 9)
		return err
	})
}
