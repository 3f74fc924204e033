package main

import (
	"time"
)

// BenchCmd measures a hub: one scenario a command. Its flags come from the command
// line alone, since what is set in the environment is meant for the hub.
type BenchCmd struct {
	Fanout BenchFanoutCmd `cmd:"" help:"One large room: what a delivery costs, and how long it takes."`
	Rooms  BenchRoomsCmd  `cmd:"" help:"Many small rooms at a steady rate."`
	Floor  BenchFloorCmd  `cmd:"" help:"Run the floor: the least that a server can do, to compare with."`
}

// benchFlags are those of every scenario.
type benchFlags struct {
	Server string   `help:"Server to start and measure, if there is no --url: hubbub, floor." default:"hubbub" enum:"hubbub,floor" group:"server"`
	Ack    string   `help:"Ack level of the hub that is started." default:"fsync" enum:"fsync,memory" placeholder:"LEVEL" group:"server"`
	Serve  []string `help:"Further flag of hubbub serve for the hub that is started, as --serve=--queue-bytes=4MiB." placeholder:"FLAG" sep:"none" group:"server"`
	Dir    string   `help:"Where the folder for the log of the hub that is started is made: the disk that is measured." placeholder:"DIR" type:"existingdir" group:"server"`

	URL      string `name:"url" help:"Server that runs already, as ws://127.0.0.1:8080." placeholder:"URL" group:"server"`
	Protocol string `help:"What it speaks: hubbub, raw, centrifugo, socketio." default:"hubbub" enum:"hubbub,raw,centrifugo,socketio" placeholder:"NAME" group:"server"`
	PID      int    `name:"pid" help:"Its process; without it there are no figures of its CPU and memory." placeholder:"PID" group:"server"`
	Admin    string `help:"Its address for /metrics and /debug/pprof, as http://127.0.0.1:9090." placeholder:"URL" group:"server"`
	Token    string `help:"Token that every client comes with." placeholder:"TOKEN" group:"server"`
	Name     string `help:"What to call it in the results; without it, its protocol." placeholder:"NAME" group:"server"`

	Size     int           `help:"Bytes of a message." default:"128" placeholder:"N"`
	Duration time.Duration `help:"How long to measure." default:"3s" placeholder:"TIME"`
	Warmup   time.Duration `help:"How long the load runs before that." default:"500ms" placeholder:"TIME"`
	JSON     bool          `name:"json" help:"Print one line of JSON for each run."`
	Profile  string        `help:"Folder for profiles of the server's CPU, taken while it is measured, and of its heap. Taking them costs the server some CPU." placeholder:"DIR" type:"path"`
}

// BenchFanoutCmd is the scenario fanout.
type BenchFanoutCmd struct {
	Members int     `help:"Members of the room." default:"1000" placeholder:"N"`
	Senders int     `help:"Members who publish, in turn." default:"1" placeholder:"N"`
	Rate    float64 `help:"Messages a second; 0: as many as are delivered." default:"0" placeholder:"N"`
	Window  int     `help:"Messages that are under way at a time, with --rate 0." default:"256" placeholder:"N"`

	Bench benchFlags `embed:""`
}

// BenchRoomsCmd is the scenario rooms.
type BenchRoomsCmd struct {
	Rooms    int     `help:"Rooms." default:"1000" placeholder:"N"`
	RoomSize int     `help:"Members of each, all of whom publish, in turn." default:"10" placeholder:"N"`
	Rate     float64 `help:"Messages a second in all rooms together; 0: as many as are delivered." default:"3000" placeholder:"N"`
	Window   int     `help:"Messages that are under way at a time, with --rate 0." default:"1000" placeholder:"N"`

	Bench benchFlags `embed:""`
}

// BenchFloorCmd runs the floor.
type BenchFloorCmd struct {
	Addr string `help:"IPv4 address to listen on." default:"127.0.0.1:8090" placeholder:"HOST:PORT"`
}
