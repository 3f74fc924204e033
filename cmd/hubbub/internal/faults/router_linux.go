package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// router carries IP packets between the machines of a run, each of which has a TUN
// device that ends here. The kernel that this must run on has no packet scheduler
// that loses or delays; and a cut has to be silent, as a broken switch is: no reset,
// no unreachable.
type router struct {
	mu    sync.RWMutex // guards what follows
	ports map[netip.Addr]*port
	cuts  map[way]bool
	delay time.Duration
	loss  float64

	pumps sync.WaitGroup
}

// way is a direction between two addresses.
type way struct{ from, to netip.Addr }

// port is the end of a machine's device.
type port struct {
	file *os.File
	late chan held // packets that are held back, in the order of their coming
}

type held struct {
	due    time.Time
	packet []byte
}

const (
	packetSize = 16 << 10 // of the devices: larger ones cost less
	heldMost   = 8192     // packets on their way to one machine; more are lost, as in a switch
)

func newRouter() *router {
	return &router{ports: map[netip.Addr]*port{}, cuts: map[way]bool{}}
}

// plug makes a device whose packets the router carries; the addresses are reached
// through it.
func (r *router) plug(device string, addrs ...netip.Addr) error {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("/dev/net/tun: %w", err)
	}
	req, err := unix.NewIfreq(device)
	if err == nil {
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("device %s: %w", device, err), unix.Close(fd))
	}
	p := &port{file: os.NewFile(uintptr(fd), device), late: make(chan held, heldMost)}
	r.mu.Lock()
	for _, a := range addrs {
		r.ports[a] = p
	}
	r.mu.Unlock()
	r.pumps.Go(func() { r.pump(p) })
	go p.bringLate() // ends with the process
	return nil
}

// pump reads what a machine sends until its device is closed.
func (r *router) pump(p *port) {
	buf := make([]byte, packetSize+100)
	for {
		n, err := p.file.Read(buf)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err == nil && n >= 20 && buf[0]>>4 == 4 {
			r.carry(buf[:n])
		}
	}
}

// carry takes one packet to its machine, or not.
func (r *router) carry(packet []byte) {
	from, _ := netip.AddrFromSlice(packet[12:16])
	to, _ := netip.AddrFromSlice(packet[16:20])
	r.mu.RLock()
	p, cut, delay, loss := r.ports[to], r.cuts[way{from, to}], r.delay, r.loss
	r.mu.RUnlock()
	switch {
	case p == nil || cut || loss > 0 && rand.Float64() < loss:
	case delay == 0:
		_, _ = p.file.Write(packet)
	default:
		select {
		case p.late <- held{time.Now().Add(delay), append([]byte(nil), packet...)}:
		default:
		}
	}
}

// bringLate brings what was held back when it is due.
func (p *port) bringLate() {
	for h := range p.late {
		<-time.After(time.Until(h.due))
		_, _ = p.file.Write(h.packet)
	}
}

// cut lets nothing pass from one address to the other; mend lets all pass again.
func (r *router) cut(from, to netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cuts[way{from, to}] = true
}

func (r *router) mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.cuts)
	r.delay, r.loss = 0, 0
}

// slow holds each packet back, and loses some.
func (r *router) slow(delay time.Duration, loss float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delay, r.loss = delay, loss
}

// close takes the devices away.
func (r *router) close() error {
	r.mu.Lock()
	var errs []error
	for _, p := range r.ports {
		if err := p.file.Close(); !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	r.mu.Unlock()
	r.pumps.Wait()
	return errors.Join(errs...)
}
