// Command faults breaks a running cluster of hubs on purpose and judges what its
// clients saw: three hubs and three NATS servers as real processes, one workload of
// chat, presence, documents and bots, one fault after the other, one checker.
//
//	go run ./cmd/hubbub/internal/faults --fault kill-hub --times 20 --seed 1
//
// As root each process has a network namespace of its own, and what goes between
// them goes through this program, which can lose, hold back and cut it in either
// direction (network_linux.go). Without root all of them listen on loopback, and the
// faults that need a network are told as not run. Processes are ended by their ids.
//
// What was seen is in deploy/FAULTS.md.
package main
