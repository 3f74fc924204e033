package main

import "time"

// BenchCmd measures a hub: one scenario a command. Its flags come from the command
// line alone, since what is set in the environment is meant for the hub.
type BenchCmd struct {
	Compare BenchCompareCmd `cmd:"" help:"How far is this hub from what this machine's kernel can do? The usual rows, on the floor and the hub in turn, as medians and ratios."`
	Fanout  BenchFanoutCmd  `cmd:"" help:"One large room: what a delivery costs, and how long it takes."`
	Rooms   BenchRoomsCmd   `cmd:"" help:"Many small rooms at a steady rate."`
	Idle    BenchIdleCmd    `cmd:"" help:"What connections cost that do nothing."`
	Ack     BenchAckCmd     `cmd:"" help:"How long publishers wait for their acks."`
	History BenchHistoryCmd `cmd:"" help:"How long pages of history take."`
	Resume  BenchResumeCmd  `cmd:"" help:"A storm: all clients dropped at once, all back at once."`
	Slow    BenchSlowCmd    `cmd:"" help:"What members who do not read cost the others."`
	Churn   BenchChurnCmd   `cmd:"" help:"What coming and going costs, and what stays of it."`
	Floor   BenchFloorCmd   `cmd:"" help:"Run the floor: the least that a server can do, to compare with."`
}

// benchFlags are those of every scenario.
type benchFlags struct {
	Server string   `help:"Server to start and measure, if there is no --url: hubbub, floor." default:"hubbub" enum:"hubbub,floor" placeholder:"NAME"`
	Ack    string   `name:"ack" help:"Ack level of the hub that is started." default:"fsync" enum:"fsync,memory" placeholder:"LEVEL"`
	Serve  []string `help:"Further flag of hubbub serve for the hub that is started, as --serve=--queue-bytes=4MiB." placeholder:"FLAG" sep:"none"`
	Dir    string   `help:"Where the hub that is started gets a folder for its log: the disk that is measured." placeholder:"DIR" type:"existingdir"`

	URL      string `name:"url" help:"Server that runs already, as ws://127.0.0.1:8080." placeholder:"URL"`
	Protocol string `help:"What it speaks: hubbub, raw, centrifugo, socketio." default:"hubbub" enum:"hubbub,raw,centrifugo,socketio" placeholder:"NAME"`
	PID      int    `name:"pid" help:"Its process; without it there are no figures of its CPU and memory." placeholder:"PID"`
	Admin    string `help:"Its address for /metrics and /debug/pprof, as http://127.0.0.1:9090." placeholder:"URL"`
	Token    string `help:"Token that every client comes with." placeholder:"TOKEN"`
	Name     string `help:"What to call it in the results; without it, its protocol." placeholder:"NAME"`

	Size     int           `help:"Bytes of a message." default:"128" placeholder:"N"`
	Duration time.Duration `help:"How long to measure." default:"3s" placeholder:"TIME"`
	Warmup   time.Duration `help:"How long the load runs before that." default:"500ms" placeholder:"TIME"`
	JSON     bool          `name:"json" help:"Print the result as one line of JSON."`
	Profile  string        `help:"Folder for profiles of the hub: of its CPU while it is measured, its heap and its goroutines. Taking them costs the hub some CPU." placeholder:"DIR" type:"path"`
}

// BenchFanoutCmd is the scenario fanout.
type BenchFanoutCmd struct {
	Members int     `help:"Members of the room." default:"1000" placeholder:"N"`
	Senders int     `help:"Members who publish, in turn." default:"1" placeholder:"N"`
	Rate    float64 `help:"Messages a second; 0: as many as are delivered." default:"0" placeholder:"N"`
	Window  int     `help:"Messages that are under way at a time, with --rate 0." default:"64" placeholder:"N"`

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

// BenchIdleCmd is the scenario idle.
type BenchIdleCmd struct {
	Conns    int           `help:"Connections." default:"10000" placeholder:"N"`
	RoomSize int           `help:"Members of each room." default:"10" placeholder:"N"`
	Settle   time.Duration `help:"How long the server has to come to rest before its memory is read." default:"2s" placeholder:"TIME"`

	Bench benchFlags `embed:""`
}

// BenchAckCmd is the scenario ack.
type BenchAckCmd struct {
	Publishers int     `help:"Publishers, each alone in a room." default:"64" placeholder:"N"`
	Rate       float64 `help:"Publishes a second in all; 0: each publishes again when it has its ack." default:"0" placeholder:"N"`

	Bench benchFlags `embed:""`
}

// BenchHistoryCmd is the scenario history.
type BenchHistoryCmd struct {
	Readers int `help:"Readers, each with a room of its own and one request under way." default:"16" placeholder:"N"`
	Stored  int `help:"Messages in each room." default:"2000" placeholder:"N"`
	Limit   int `help:"Messages of a page." default:"50" placeholder:"N"`

	Bench benchFlags `embed:""`
}

// BenchResumeCmd is the scenario resume.
type BenchResumeCmd struct {
	Clients int `help:"Clients that are dropped and come back." default:"10000" placeholder:"N"`
	Rooms   int `help:"Rooms that they are in." default:"10" placeholder:"N"`
	Missed  int `help:"Messages in each room while they are away." default:"20" placeholder:"N"`

	Bench benchFlags `embed:""`
}

// BenchSlowCmd is the scenario slow.
type BenchSlowCmd struct {
	Rooms   int     `help:"Rooms. With more than one, those who stop reading are in one of them, and the latency is the others'." default:"1" placeholder:"N"`
	Members int     `help:"Members of each." default:"1000" placeholder:"N"`
	Stalled int     `help:"Of one of them, those who stop reading." default:"50" placeholder:"N"`
	Turns   int     `help:"How often it is measured without and with them, one after the other, --duration each." default:"1" placeholder:"N"`
	Rate    float64 `help:"Messages a second, in all." default:"100" placeholder:"N"`
	Buffer  int     `help:"Bytes of receive buffer that the stalled ones ask for; what they do not take, the server's side has to keep." default:"4096" placeholder:"N"`

	Bench benchFlags `embed:""`
}

// BenchChurnCmd is the scenario churn.
type BenchChurnCmd struct {
	Total  int           `help:"Connections in all." default:"20000" placeholder:"N"`
	AtOnce int           `help:"Clients that are there at a time." default:"100" placeholder:"N"`
	Rooms  int           `help:"Rooms that they enter." default:"10" placeholder:"N"`
	Settle time.Duration `help:"How long the server has afterwards to let go of everything." default:"2s" placeholder:"TIME"`

	Bench benchFlags `embed:""`
}

// BenchCompareCmd runs the rows of the comparison.
type BenchCompareCmd struct {
	Rounds   int           `help:"How often each server runs each row; the medians are told." default:"3" placeholder:"N"`
	Rows     []string      `help:"Rows to run: fanout-saturated, fanout-300, fanout-30, rooms, idle, ack, resume." placeholder:"ROW,…"`
	Clients  int           `help:"Connections of the rows idle and resume." default:"5000" placeholder:"N"`
	Duration time.Duration `help:"How long each row is measured." default:"1s" placeholder:"TIME"`
	Dir      string        `help:"Where the hub gets a folder for its log: the disk that is measured." placeholder:"DIR" type:"existingdir"`
	Serve    []string      `help:"Further flag of hubbub serve, as --serve=--queue-bytes=4MiB." placeholder:"FLAG" sep:"none"`
	JSON     bool          `name:"json" help:"Print one line of JSON for each row and server, of its medians."`
}

// BenchFloorCmd runs the floor.
type BenchFloorCmd struct {
	Addr string `help:"IPv4 address to listen on." default:"127.0.0.1:8090" placeholder:"HOST:PORT"`
}
