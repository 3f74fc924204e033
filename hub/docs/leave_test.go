package docs_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub/docs"
)

func TestSettleStoresAndLetsGo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var told []docs.Changed
		w.cfg.Log = slowDocs{w.log}
		w.cfg.EmptyLinger = time.Hour
		w.cfg.Announce = func(c docs.Changed) { told = append(told, c) }
		d := w.instance()
		ada := w.connected(d, "ada", "r/doc", 1)
		ada.write("hello")
		ada.seat.Close() // gone before it is stored
		require.NoError(t, d.Settle(t.Context()))
		require.Zero(t, d.Stats().Documents)
		d.Close()
		require.Len(t, told, 1, "the room hears of it before the end")
		require.Empty(t, ada.lost)

		w.cfg.Log = nil
		again := w.instance()
		defer again.Close()
		require.Equal(t, "hello", w.text(again, "r/doc"))
	})
}

func TestLeaveLetsGoAsEditorsMove(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.cfg.EmptyLinger = time.Hour
		d := w.instance()
		defer d.Close()
		ada, bo := w.connected(d, "ada", "r/doc", 1), w.connected(d, "bo", "r/more", 2)
		d.Leave()
		ada.seat.Close()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, 1, d.Stats().Documents)
		cy := w.connected(d, "cy", "r/new", 3) // who is yet to go is served
		cy.write("x")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorContains(t, d.Settle(ctx), "2 documents are open")
		cy.seat.Close()
		bo.seat.Close()
		require.NoError(t, d.Settle(t.Context()))
	})
}
