package bot

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/transport/client"
)

// readmeBot gives the program that the README shows.
func readmeBot(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "**A bot**")
	require.True(t, found, "the README shows no bot")
	_, rest, found = strings.Cut(rest, "```go\n")
	require.True(t, found)
	program, _, found := strings.Cut(rest, "```")
	require.True(t, found)
	return program
}

// The README, the Example and what is tested here are one text.
func TestTheREADMEShowsTheExample(t *testing.T) {
	example, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	body := func(program, head string) string {
		_, rest, found := strings.Cut(program, head)
		require.True(t, found)
		return rest
	}
	require.Equal(t, body(string(example), "func Example() {"), body(readmeBot(t), "func main() {"))
	require.LessOrEqual(t, strings.Count(readmeBot(t), "\n"), 22)
}

// build compiles a program into dir.
func build(t *testing.T, dir, name, source string) string {
	t.Helper()
	program := filepath.Join(dir, name)
	out, err := exec.Command("go", "build", "-o", program, source).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

// process runs a program until kill, or the test's end.
func process(t *testing.T, dir string, env []string, argv ...string) (cmd *exec.Cmd, stdout io.Reader) {
	t.Helper()
	cmd = exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { kill(cmd) })
	return cmd, stdout
}

// kill is kill -9; once more does no harm.
func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// realHub starts the program on a folder, and gives the address at which it serves.
func realHub(t *testing.T, program, data string) string {
	t.Helper()
	_, stdout := process(t, data, nil, program, "serve", "--addr=127.0.0.1:0", "--admin-addr=", "--data="+data, "--dedup-window=100ms", "--log-level=warn", "--rate=100000", "--burst=100000")
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if addr, ok := strings.CutPrefix(lines.Text(), "hubbub "); ok {
			return strings.Replace(strings.TrimSpace(addr), "http", "ws", 1)
		}
	}
	require.Fail(t, "the hub did not start")
	return ""
}

// The README's bot, as it stands there, against the real hub: however often it is
// killed while people talk, each message is answered once, in order.
func TestTheREADMEsBotAnswersOnce(t *testing.T) {
	dir := t.TempDir()
	hub := build(t, dir, "hubbub", "../../../cmd/hubbub")
	url := realHub(t, hub, dir)
	source := filepath.Join(dir, "echo.go")
	program := strings.ReplaceAll(readmeBot(t), "ws://127.0.0.1:8080", url)
	require.Contains(t, program, url)
	require.NoError(t, os.WriteFile(source, []byte(program), 0o600))
	echo := build(t, dir, "echo", source)
	key := filepath.Join(dir, "token.key") // which a hub without --key makes for itself
	env := []string{"HUBBUB_TOKEN=" + signed(t, hub, key, "echo")}

	ann, err := client.Dial(t.Context(), client.Options{URL: url, Token: signed(t, hub, key, "ann")})
	require.NoError(t, err)
	t.Cleanup(ann.Close)
	lobby := &person{t: t, room: ann.Room("lobby")}
	require.NoError(t, lobby.room.Join(t.Context()))

	bot, _ := process(t, dir, env, echo)
	require.Eventually(t, func() bool { _, err := os.Stat(filepath.Join(dir, "echo.cursor")); return err == nil }, patience, 5*time.Millisecond, "the bot is in the room")
	const kills, between = 6, 40
	var want []string
	for i := range kills {
		answers := len(lobby.texts("echo"))
		for j := range between {
			text := fmt.Sprintf("message %d.%d", i, j)
			lobby.say(text)
			want = append(want, "ann: "+text)
		}
		// Somewhere in the midst of answering.
		require.Eventually(t, func() bool { return len(lobby.texts("echo")) > answers+between/4 }, patience, time.Millisecond)
		kill(bot)
		bot, _ = process(t, dir, env, echo)
	}
	require.Eventually(t, func() bool { return len(lobby.texts("echo")) >= len(want) }, patience, 5*time.Millisecond)
	require.Equal(t, want, lobby.texts("echo"))
	lobby.say("/ping")
	for lobby.hears("echo").Text != "pong" {
	}
	require.Len(t, lobby.texts("echo"), len(want)+1)
}

// signed makes a token with the program itself.
func signed(t *testing.T, hub, key, user string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, hub, "token", "--sub="+user, "--caps=*=*", "--key="+key).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}
