// Package bench measures hubs: what a delivery costs the server, how long it takes,
// and whether everything arrives. Its clients are thin, it says what it cost
// itself, and every scenario counts what must arrive. FIGURES.md defines each
// figure.
//
//	Target      a server that runs: its address, its protocol, its process
//	crowd       the clients: rooms of members on one thin.Loop, and what they saw
//	load        publishes in a closed or an open loop, each stamped with when it was due
//	Fanout, …   the scenarios: a crowd, a load, the operating system's figures, a Result
//	Compare     the same rows for several servers in turn: medians, and ratios to the floor
package bench
