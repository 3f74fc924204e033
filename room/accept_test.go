package room

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	ann = Caller{User: "ann", Name: "Ann", Grants: Everything()}
	now = time.UnixMilli(1764000000000)
)

func at(user string, deleted bool) *Target {
	return &Target{Kind: KindMessage, User: user, Deleted: deleted}
}

func data(s string) json.RawMessage { return json.RawMessage(s) }

func TestAcceptLetsIn(t *testing.T) {
	for name, c := range map[string]struct {
		command Command
		target  *Target
	}{
		"text":                        {Command{Kind: KindMessage, Text: "hi"}, nil},
		"text of 16 KiB":              {Command{Kind: KindMessage, Text: strings.Repeat("x", MaxText)}, nil},
		"data alone":                  {Command{Kind: KindMessage, Data: data("null")}, nil},
		"data of 64 levels":           {Command{Kind: KindMessage, Data: data(strings.Repeat("[", 64) + strings.Repeat("]", 64))}, nil},
		"brackets in strings":         {Command{Kind: KindMessage, Data: data(`"` + strings.Repeat(`[\"`, 200) + `"`)}, nil},
		"data of 32 KiB":              {Command{Kind: KindMessage, Data: data(`"` + strings.Repeat("x", MaxData-2) + `"`)}, nil},
		"an answer":                   {Command{Kind: KindMessage, Text: "re", ReplyTo: 3}, at("bo", false)},
		"an answer to a deleted one":  {Command{Kind: KindMessage, Text: "re", ReplyTo: 3}, at("bo", true)},
		"an edit":                     {Command{Kind: KindEdit, Text: "x", Target: 3}, at("ann", false)},
		"a delete":                    {Command{Kind: KindDelete, Target: 3}, at("ann", false)},
		"a second delete":             {Command{Kind: KindDelete, Target: 3}, at("ann", true)},
		"a reaction to another's":     {Command{Kind: KindReact, Target: 3, Emoji: "👍🏽"}, at("bo", false)},
		"a reaction taken back":       {Command{Kind: KindUnreact, Target: 3, Emoji: "👍"}, at("bo", false)},
		"an application's event":      {Command{Kind: KindCustom, Type: "chess.move"}, nil},
		"an application's with an id": {Command{Kind: KindCustom, Type: "t", ID: strings.Repeat("i", MaxID), Data: data("1"), ReplyTo: 4}, at("bo", false)},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Accept(ann, "lobby", c.command, c.target, now)
			require.NoError(t, err)
			require.Equal(t, "ann", e.User)
			require.Equal(t, "Ann", e.Name)
			require.Equal(t, now.UnixMilli(), e.At)
			require.True(t, now.Equal(e.Time()))
			_, err = e.Encode()
			require.NoError(t, err)
		})
	}
}

func TestAcceptRefuses(t *testing.T) {
	long := strings.Repeat("x", 1<<16)
	for name, c := range map[string]struct {
		command Command
		target  *Target
		code    Code
		says    string
	}{
		"nothing":                     {Command{Kind: KindMessage}, nil, CodeBadRequest, "text"},
		"white space":                 {Command{Kind: KindMessage, Text: " \n\t\u00a0"}, nil, CodeBadRequest, "text"},
		"no kind":                     {Command{Text: "x"}, nil, CodeBadRequest, "kind"},
		"a kind of the future":        {Command{Kind: "pin", Target: 3}, nil, CodeBadRequest, "target"},
		"an unknown kind":             {Command{Kind: "pin"}, nil, CodeBadRequest, "kind"},
		"unreadable":                  {Command{Kind: KindUnreadable}, nil, CodeBadRequest, "kind"},
		"text too long":               {Command{Kind: KindMessage, Text: long}, nil, CodeTooLarge, "text"},
		"id too long":                 {Command{Kind: KindMessage, Text: "x", ID: long[:65]}, nil, CodeTooLarge, "id"},
		"emoji too long":              {Command{Kind: KindReact, Target: 3, Emoji: long[:65]}, at("bo", false), CodeTooLarge, "emoji"},
		"type too long":               {Command{Kind: KindCustom, Type: long[:65]}, nil, CodeTooLarge, "type"},
		"data too long":               {Command{Kind: KindMessage, Data: data(`"` + long + `"`)}, nil, CodeTooLarge, "data"},
		"text not UTF-8":              {Command{Kind: KindMessage, Text: "\xff"}, nil, CodeBadRequest, "text"},
		"data not UTF-8":              {Command{Kind: KindMessage, Data: data("\"\xff\"")}, nil, CodeBadRequest, "data"},
		"data not JSON":               {Command{Kind: KindMessage, Data: data("{")}, nil, CodeBadRequest, "data"},
		"data of white space":         {Command{Kind: KindMessage, Data: data(" ")}, nil, CodeBadRequest, "data"},
		"data of 65 levels":           {Command{Kind: KindMessage, Data: data(strings.Repeat("[", 65) + strings.Repeat("]", 65))}, nil, CodeBadRequest, "data"},
		"data of 30,000 levels":       {Command{Kind: KindMessage, Data: data(strings.Repeat("[", 30000))}, nil, CodeBadRequest, "data"},
		"an edit of nothing":          {Command{Kind: KindEdit, Text: "x"}, nil, CodeBadRequest, "target"},
		"an edit to nothing":          {Command{Kind: KindEdit, Target: 3}, at("ann", false), CodeBadRequest, "text"},
		"an edit of another's":        {Command{Kind: KindEdit, Text: "x", Target: 3}, at("bo", false), CodeForbidden, "author"},
		"an edit of a deleted one":    {Command{Kind: KindEdit, Text: "x", Target: 3}, at("ann", true), CodeConflict, "deleted"},
		"an edit of what is not":      {Command{Kind: KindEdit, Text: "x", Target: 3}, nil, CodeNotFound, "3"},
		"an edit of a reaction":       {Command{Kind: KindEdit, Text: "x", Target: 3}, &Target{Kind: KindReact, User: "ann"}, CodeNotFound, "3"},
		"an edit that answers":        {Command{Kind: KindEdit, Text: "x", Target: 3, ReplyTo: 2}, at("ann", false), CodeBadRequest, "reply_to"},
		"an edit with an emoji":       {Command{Kind: KindEdit, Text: "x", Target: 3, Emoji: "👍"}, at("ann", false), CodeBadRequest, "emoji"},
		"a delete of another's":       {Command{Kind: KindDelete, Target: 3}, at("bo", false), CodeForbidden, "author"},
		"a delete with text":          {Command{Kind: KindDelete, Target: 3, Text: "why"}, at("ann", false), CodeBadRequest, "text"},
		"a delete with data":          {Command{Kind: KindDelete, Target: 3, Data: data("1")}, at("ann", false), CodeBadRequest, "data"},
		"a message with a target":     {Command{Kind: KindMessage, Text: "x", Target: 3}, at("ann", false), CodeBadRequest, "target"},
		"a message with a type":       {Command{Kind: KindMessage, Text: "x", Type: "t"}, nil, CodeBadRequest, "type"},
		"a reaction without emoji":    {Command{Kind: KindReact, Target: 3}, at("bo", false), CodeBadRequest, "emoji"},
		"a reaction with a space":     {Command{Kind: KindReact, Target: 3, Emoji: "a b"}, at("bo", false), CodeBadRequest, "emoji"},
		"a reaction with a control":   {Command{Kind: KindReact, Target: 3, Emoji: "a\x00"}, at("bo", false), CodeBadRequest, "emoji"},
		"a reaction to a deleted one": {Command{Kind: KindReact, Target: 3, Emoji: "👍"}, at("bo", true), CodeConflict, "deleted"},
		"an answer to what is not":    {Command{Kind: KindMessage, Text: "x", ReplyTo: 3}, nil, CodeNotFound, "3"},
		"custom without a type":       {Command{Kind: KindCustom, Data: data("1")}, nil, CodeBadRequest, "type"},
		"custom with text":            {Command{Kind: KindCustom, Type: "t", Text: "x"}, nil, CodeBadRequest, "text"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Accept(ann, "lobby", c.command, c.target, now)
			require.Error(t, err)
			e := AsError(err)
			require.Equal(t, c.code, e.Code, e.Message)
			require.Contains(t, e.Message, c.says)
			require.Less(t, len(e.Message), 200)
		})
	}
}

// The grants are looked at before anything that could tell a caller what is in
// the room.
func TestAcceptChecksTheGrantsFirst(t *testing.T) {
	reader := Caller{User: "bo", Grants: Grants{"lobby": {VerbJoin, VerbReact}}}
	for _, c := range []Command{
		{Kind: KindMessage, Text: "x"},
		{Kind: KindMessage},
		{Kind: KindEdit, Text: "x", Target: 3},
		{Kind: KindDelete, Target: 3},
		{Kind: KindCustom, Type: "t"},
	} {
		_, err := Accept(reader, "lobby", c, nil, now)
		require.Equal(t, CodeForbidden, AsError(err).Code)
	}
	_, err := Accept(reader, "lobby", Command{Kind: KindReact, Target: 3, Emoji: "x"}, at("ann", false), now)
	require.NoError(t, err)
	_, err = Accept(reader, "other", Command{Kind: KindReact, Target: 3, Emoji: "x"}, at("ann", false), now)
	require.Equal(t, CodeForbidden, AsError(err).Code)
	_, err = Accept(ann, "no such name", Command{Kind: KindMessage, Text: "x"}, nil, now)
	require.Equal(t, CodeBadRequest, AsError(err).Code)
}

func TestAcceptCompactsData(t *testing.T) {
	e, err := Accept(ann, "lobby", Command{Kind: KindMessage, Data: data("{ \"a\" :\n [ 1 , 2.50 ] }")}, nil, now)
	require.NoError(t, err)
	require.Equal(t, `{"a":[1,2.50]}`, string(e.Data))
}

func TestErrorsBecomeWhatACallerMaySee(t *testing.T) {
	require.Equal(t, "forbidden: no", Errorf(CodeForbidden, "%s", "no").Error())
	for _, code := range Codes {
		require.Equal(t, code, AsError(Errorf(code, "x")).Code)
	}
	require.NotContains(t, AsError(json.Unmarshal([]byte("{"), new(int))).Message, "JSON")
}
