// Composelint loads a compose file as Docker Compose does, and prints what it comes to:
// `docker compose config`, without Docker. Variables come from .env beside it.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

func main() {
	if err := check(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(ctx context.Context, name string) error {
	options, err := cli.NewProjectOptions([]string{name},
		cli.WithWorkingDirectory(filepath.Dir(name)), cli.WithEnvFiles(), cli.WithDotEnv)
	if err != nil {
		return err
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return err
	}
	// The loader asks for no file that a service is given.
	for what, file := range files(project.Configs, project.Secrets) {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	text, err := project.MarshalYAML()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

// files gives the files of what a service can be given.
func files(configs types.Configs, secrets types.Secrets) map[string]string {
	all := map[string]string{}
	for name, c := range configs {
		all["config "+name] = c.File
	}
	for name, s := range secrets {
		all["secret "+name] = s.File
	}
	return all
}
