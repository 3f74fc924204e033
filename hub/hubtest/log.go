package hubtest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

// patience bounds every wait of the suite. It is only ever spent by a failure.
const patience = 30 * time.Second

// TestLog holds a Log to its contract. open gives an empty one each time; the
// suite closes it, and a second Close must do no harm.
func TestLog(t *testing.T, open func(t *testing.T) hub.Log) {
	for _, c := range []struct {
		name string
		test func(*testing.T, hub.Log)
	}{
		{"AppendsKeepTheirOrder", appendsKeepTheirOrder},
		{"PipelinedAppendsKeepTheirOrder", pipelinedAppendsKeepTheirOrder},
		{"RecordsOfAnAppendStayTogether", recordsOfAnAppendStayTogether},
		{"AppendOfNothing", appendOfNothing},
		{"RepeatIsAnsweredWithTheFirst", repeatIsAnsweredWithTheFirst},
		{"RepeatWithinAnAppend", repeatWithinAnAppend},
		{"RepeatsAmongFreshRecords", repeatsAmongFreshRecords},
		{"RepeatsInAFlood", repeatsInAFlood},
		{"DedupIsScopedByRoom", dedupIsScopedByRoom},
		{"IDsOfAnyBytes", idsOfAnyBytes},
		{"TooLargeIsRefused", tooLargeIsRefused},
		{"EveryAppendIsAnsweredOnce", everyAppendIsAnsweredOnce},
		{"WatchMissesNothing", watchMissesNothing},
		{"PrevChainsTheRoom", prevChainsTheRoom},
		{"SeveralWatchers", severalWatchers},
		{"StoppedWatcherIsLeftAlone", stoppedWatcherIsLeftAlone},
		{"ReadAgainstAModel", readAgainstAModel},
		{"ReadOfNothing", readOfNothing},
		{"PageIsBoundedInBytes", pageIsBoundedInBytes},
		{"PageIsBoundedInEntries", pageIsBoundedInEntries},
		{"TailsInTheirOrder", tailsInTheirOrder},
		{"TailsOfManyRooms", tailsOfManyRooms},
		{"StoredSaysWhen", storedSaysWhen},
		{"NamesOfAllKinds", namesOfAllKinds},
		{"RoomsDoNotMix", roomsDoNotMix},
		{"ClosedSaysSo", closedSaysSo},
		{"CloseAnswersWhatIsUnderWay", closeAnswersWhatIsUnderWay},
		{"CancelledContexts", cancelledContexts},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := open(t)
			defer closeLog(t, log)
			c.test(t, log)
		})
	}
}

func closeLog(t *testing.T, log hub.Log) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, log.Close(ctx))
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// write appends and waits for the acks.
func write(t *testing.T, log hub.Log, room string, records ...hub.Record) []hub.Ack {
	t.Helper()
	got := make(chan []hub.Ack, 2)
	require.NoError(t, log.Append(room, records, func(acks []hub.Ack) { got <- acks }))
	select {
	case acks := <-got:
		require.Len(t, acks, len(records))
		return acks
	case <-time.After(patience):
		require.FailNow(t, "an append was never answered")
		return nil
	}
}

// stored is write for records that must be acknowledged; it gives their sequences.
func stored(t *testing.T, log hub.Log, room string, records ...hub.Record) []uint64 {
	t.Helper()
	seqs := make([]uint64, 0, len(records))
	for _, ack := range write(t, log, room, records...) {
		require.NoError(t, ack.Err)
		require.NotEmpty(t, ack.Epoch)
		require.NotZero(t, ack.Seq)
		seqs = append(seqs, ack.Seq)
	}
	return seqs
}

// submit is Append in a flood. A Log takes some thousands of small appends before
// it is busy.
func submit(t *testing.T, log hub.Log, room string, records []hub.Record, done func([]hub.Ack)) {
	t.Helper()
	if err := log.Append(room, records, done); err != nil {
		t.Errorf("append to %s: %v", room, err)
		done(make([]hub.Ack, len(records)))
	}
}

// readAll gives a whole room, page by page.
func readAll(t *testing.T, log hub.Log, room string) []hub.Entry {
	t.Helper()
	var all []hub.Entry
	for after := uint64(0); ; {
		page, err := log.Read(within(t), room, hub.Range{After: after, Limit: hub.MaxPage})
		require.NoError(t, err)
		all = append(all, page.Entries...)
		if !page.More {
			return all
		}
		require.NotEmpty(t, page.Entries, "a page that says More brings entries")
		after = page.Entries[len(page.Entries)-1].Seq
	}
}

func record(id, data string) hub.Record { return hub.Record{ID: id, Data: []byte(data)} }

func dataOf(entries []hub.Entry) []string {
	data := make([]string, len(entries))
	for i, e := range entries {
		data[i] = string(e.Data)
	}
	return data
}

func seqsOf(entries []hub.Entry) []uint64 {
	seqs := make([]uint64, len(entries))
	for i, e := range entries {
		seqs[i] = e.Seq
	}
	return seqs
}
