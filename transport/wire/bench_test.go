package wire

import "testing"

func BenchmarkAppendEvent(b *testing.B) {
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendEvent(dst[:0], "lobby", 123456, stored)
	}
}

func BenchmarkDecodePublish(b *testing.B) {
	frame := []byte(`{"type":"publish","id":5,"room":"lobby","event":{"id":"018f3e3a-0000-7000-8000-000000000001","text":"hello, how are you all today?"}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeCommand(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeEventPush(b *testing.B) {
	frame := AppendEvent(nil, "lobby", 123456, stored)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeReply(frame); err != nil {
			b.Fatal(err)
		}
	}
}
