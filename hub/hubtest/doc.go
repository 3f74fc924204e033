// Package hubtest is the contract of hub.Log and hub.Bus as tests, which every
// form of them runs, and a hub.Log that fails on purpose.
package hubtest
