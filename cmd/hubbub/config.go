package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// envPrefix begins the name of every environment variable that Hubbub reads:
// --data is HUBBUB_DATA, and HUBBUB_KEY_FILE names a file that holds HUBBUB_KEY.
const envPrefix = "HUBBUB_"

// command is one of the program's commands, with its flags filled in.
type command interface {
	run(ctx context.Context, std streams) error
}

// cli is the program's command line.
type cli struct {
	Config string `help:"JSON file with settings, by the names of the flags." placeholder:"FILE" type:"path"`

	Serve   ServeCmd   `cmd:"" help:"Run the hub."`
	Token   TokenCmd   `cmd:"" help:"Make a token."`
	Send    SendCmd    `cmd:"" help:"Send messages to a room and wait until they are safe."`
	Tail    TailCmd    `cmd:"" help:"Print what happens in a room."`
	Trace   TraceCmd   `cmd:"" help:"Tell what became of a message: when it was stored, and to whom each instance brought it."`
	Export  ExportCmd  `cmd:"" help:"Write a hub's log to a file, to be imported elsewhere."`
	Import  ImportCmd  `cmd:"" help:"Make a log of what was exported."`
	Backup  BackupCmd  `cmd:"" help:"Write what a running hub has stored to a file."`
	Restore RestoreCmd `cmd:"" help:"Make a log of a backup."`
	Doctor  DoctorCmd  `cmd:"" help:"Check a data folder, a running hub, or NATS servers."`
	Bench   BenchCmd   `cmd:"" help:"Measure a hub, or another server, on this machine."`
	Version VersionCmd `cmd:"" help:"Print the version."`
}

// parse reads flags over environment over file. It gives nil without an error
// when there is nothing to run, as after --help.
func parse(args, environ []string, std streams) (command, error) {
	c := new(cli)
	helped := false
	env := environment(environ)
	settings := &settings{env: env}
	parser, err := kong.New(c,
		kong.Name("hubbub"),
		kong.Description("A real-time chat and collaboration hub. Settings come from flags, over HUBBUB_* variables, over a --config file."),
		kong.Writers(std.out, std.err),
		kong.Exit(func(int) { helped = true }),
		kong.Vars{"default_data": defaultData(env), "default_key": filepath.Join(defaultData(env), tokenKeyFile)},
		kong.Resolvers(settings),
	)
	if err != nil {
		return nil, fmt.Errorf("command line: %w", err)
	}
	if err := settings.load(configFile(args, env)); err != nil {
		return nil, err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if helped {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w; see hubbub --help", err)
	}
	cmd, ok := parsed.Selected().Target.Addr().Interface().(command)
	if !ok {
		return nil, fmt.Errorf("command line: %s cannot be run", parsed.Command())
	}
	return cmd, nil
}

// environment turns KEY=value pairs into a map.
func environment(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, pair := range environ {
		if key, value, ok := strings.Cut(pair, "="); ok {
			env[key] = value
		}
	}
	return env
}

// configFile finds the file before the flags are parsed, since their defaults
// come from it.
func configFile(args []string, env map[string]string) string {
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--config="); ok {
			return value
		}
		if arg == "--config" && i+1 < len(args) {
			return args[i+1]
		}
	}
	return env[envPrefix+"CONFIG"]
}

// defaultData is where the hub keeps its data if nobody says where.
func defaultData(env map[string]string) string {
	if dir := env["XDG_DATA_HOME"]; dir != "" {
		return filepath.Join(dir, "hubbub")
	}
	if home := env["HOME"]; home != "" {
		return filepath.Join(home, ".local", "share", "hubbub")
	}
	return "hubbub-data"
}

// settings resolves flags that the command line does not set.
type settings struct {
	env  map[string]string
	file map[string]any
	name string
}

// load reads the file; an empty name means that there is none.
func (s *settings) load(name string) error {
	if name == "" {
		return nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("--config: %w", err)
	}
	if err := json.Unmarshal(data, &s.file); err != nil {
		return fmt.Errorf("--config %s: is not a JSON object of settings, such as {\"addr\": \"127.0.0.1:8080\"}: %w", name, err)
	}
	s.name = name
	return nil
}

// Validate names the first setting that no flag has.
func (s *settings) Validate(app *kong.Application) error {
	known := flagNames(app.Node)
	for key := range s.file {
		if !slices.Contains(known, key) {
			return fmt.Errorf("%s: unknown setting %q; known are the flags of hubbub serve --help, without their dashes", s.name, key)
		}
	}
	for key := range s.env {
		rest, ours := strings.CutPrefix(key, envPrefix)
		if !ours {
			continue
		}
		name := strings.ToLower(strings.ReplaceAll(strings.TrimSuffix(rest, "_FILE"), "_", "-"))
		if !slices.Contains(known, name) {
			return fmt.Errorf("%s: unknown setting; the names are those of the flags, as HUBBUB_DATA for --data", key)
		}
	}
	return nil
}

func flagNames(n *kong.Node) []string {
	var names []string
	for _, f := range n.Flags {
		names = append(names, f.Name)
	}
	for _, child := range n.Children {
		if child.Name != benchCommand {
			names = append(names, flagNames(child)...)
		}
	}
	return names
}

// benchCommand takes its flags from the command line alone: its --rate and the
// hub's have nothing to do with each other.
const benchCommand = "bench"

// keepers are commands that act on a log as a whole. Which one, the command line alone
// says: the settings may be those of the hub that is to be brought elsewhere.
var (
	keepers = []string{"export", "import", "backup", "restore", "doctor"}
	places  = []string{"data", "url", "nats", "admin-addr"}
)

// Resolve gives the value that the environment or the file has for a flag.
func (s *settings) Resolve(k *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if slices.ContainsFunc(k.Path, func(p *kong.Path) bool { return p.Command != nil && p.Command.Name == benchCommand }) {
		return nil, nil
	}
	if slices.Contains(places, flag.Name) && slices.ContainsFunc(k.Path, func(p *kong.Path) bool { return p.Command != nil && slices.Contains(keepers, p.Command.Name) }) {
		return nil, nil
	}
	key := envPrefix + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
	value, set := s.env[key]
	name, inFile := s.env[key+"_FILE"]
	switch {
	case set && inFile:
		return nil, fmt.Errorf("%s and %s_FILE are both set; set one", key, key)
	case set:
		return value, nil
	case inFile && flag.Tag.Has("keyfile"):
		return name, nil // the setting is the file's name, so there is nothing to read
	case inFile:
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("%s_FILE: %w", key, err)
		}
		return strings.TrimRight(string(data), "\r\n"), nil
	}
	return fileValue(s.file[flag.Name])
}

// fileValue gives a value of the file in the form that a flag takes.
func fileValue(v any) (any, error) {
	list, ok := v.([]any)
	if !ok {
		return v, nil
	}
	parts := make([]string, len(list))
	for i, item := range list {
		text, ok := item.(string)
		if !ok {
			return nil, errors.New("--config: a list may hold strings only")
		}
		parts[i] = text
	}
	return strings.Join(parts, ","), nil
}
