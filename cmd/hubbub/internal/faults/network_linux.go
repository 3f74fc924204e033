package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// network is what the machines of a run stand in. With namespaces a machine has two
// addresses: Inner leads through the router and can be cut; Outer, for clients,
// leads straight to this process through the kernel, so that thousands of them cost
// no copying here.
type network struct {
	apart  bool    // each machine has a namespace of its own
	id     int     // of the process, for names
	at     int     // which block of addresses is ours
	router *router // nil on loopback
	made   []string
	pairs  []string // devices that lead to namespaces
	n      int
}

// machine is a place for a process.
type machine struct {
	name         string
	space        string // the namespace; "": none
	inner, outer netip.Addr
}

// strangers are the addresses of this process on the router: the first is its own,
// the others are for clients that are to be cut off one by one.
const strangers = 200

func newNetwork(apart bool) (*network, error) {
	n := &network{apart: apart, id: os.Getpid()}
	if !apart {
		return n, nil
	}
	if err := n.findBlock(); err != nil {
		return nil, err
	}
	n.router = newRouter()
	var mine []netip.Addr
	for i := range strangers {
		mine = append(mine, n.stranger(i))
	}
	dev := n.label("r")
	if err := n.router.plug(dev, mine...); err != nil {
		return nil, err
	}
	err := run(fmt.Sprintf("link set %s mtu %d up", dev, packetSize), fmt.Sprintf("addr add %s/16 dev %s", n.stranger(0), dev))
	for _, a := range mine[1:] {
		err = errors.Join(err, run(fmt.Sprintf("addr add %s/32 dev %s", a, dev)))
	}
	if err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

// blocks are what the second byte of addresses is taken from.
const blocks, firstBlock = 64, 64

// block is the second byte of a run's addresses.
func (n *network) block() byte { return byte(firstBlock + n.at%blocks) }

// findBlock finds addresses that no other run has: two with the same would talk to each
// other's servers.
func (n *network) findBlock() error {
	taken, err := net.InterfaceAddrs()
	if err != nil {
		return err
	}
	for n.at = n.id; n.at < n.id+blocks; n.at++ {
		ours := netip.PrefixFrom(n.stranger(0), 16)
		if !slices.ContainsFunc(taken, func(a net.Addr) bool {
			other, err := netip.ParsePrefix(a.String())
			return err == nil && ours.Contains(other.Addr())
		}) {
			return nil
		}
	}
	return fmt.Errorf("no network of 10.%d.0.0/16 to 10.%d.0.0/16 is free", firstBlock, firstBlock+blocks-1)
}

func (n *network) stranger(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, n.block(), 255, byte(i + 1)})
}

func (n *network) label(suffix string) string { return fmt.Sprintf("hf%d%s", n.id, suffix) }

// machine makes a new one.
func (n *network) machine(name string) (*machine, error) {
	n.n++
	if !n.apart {
		a := netip.AddrFrom4([4]byte{127, n.block(), 0, byte(n.n)})
		return &machine{name: name, inner: a, outer: a}, nil
	}
	m := &machine{
		name: name, space: n.label(name),
		inner: netip.AddrFrom4([4]byte{10, n.block(), 0, byte(n.n)}),
		outer: netip.AddrFrom4([4]byte{10, n.block() + 64, byte(n.n), 2}),
	}
	here := m.outer.As4()
	here[3] = 1
	tun, veth := n.label(fmt.Sprint("t", n.n)), n.label(fmt.Sprint("v", n.n))
	if err := n.router.plug(tun, m.inner); err != nil {
		return nil, err
	}
	n.made, n.pairs = append(n.made, m.space), append(n.pairs, veth)
	return m, run(
		"netns add "+m.space,
		fmt.Sprintf("link set %s netns %s", tun, m.space),
		fmt.Sprintf("-n %s link set lo up", m.space),
		fmt.Sprintf("-n %s link set %s mtu %d up", m.space, tun, packetSize),
		fmt.Sprintf("-n %s addr add %s/16 dev %s", m.space, m.inner, tun),
		fmt.Sprintf("link add %s type veth peer name e0 netns %s", veth, m.space),
		fmt.Sprintf("link set %s up", veth),
		fmt.Sprintf("addr add %s/24 dev %s", netip.AddrFrom4(here), veth),
		fmt.Sprintf("-n %s link set e0 up", m.space),
		fmt.Sprintf("-n %s addr add %s/24 dev e0", m.space, m.outer),
	)
}

// command prepares a program that runs on the machine. ip netns exec becomes the
// program, so that its process id is the program's.
func (m *machine) command(argv ...string) *exec.Cmd {
	if m.space != "" {
		argv = append([]string{"ip", "netns", "exec", m.space}, argv...)
	}
	return exec.Command(argv[0], argv[1:]...)
}

// part lets nothing pass between two machines, in both directions.
func (n *network) part(a, b *machine) {
	n.router.cut(a.inner, b.inner)
	n.router.cut(b.inner, a.inner)
}

// close takes the namespaces and devices away.
func (n *network) close() error {
	if !n.apart {
		return nil
	}
	var errs []error
	for _, pair := range n.pairs { // else they go some time after their namespace
		errs = append(errs, run("link del "+pair))
	}
	for _, space := range n.made {
		errs = append(errs, run("netns del "+space))
	}
	n.made = nil
	return errors.Join(append(errs, n.router.close())...)
}

// run gives commands to ip, one after the other.
func run(commands ...string) error {
	for _, c := range commands {
		if out, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", c, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}
