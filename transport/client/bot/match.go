package bot

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Matcher says which messages a handler is for.
type Matcher struct {
	takes func(*Ctx) bool
	err   error
}

// Any takes every message.
var Any = Matcher{takes: func(c *Ctx) bool {
	c.args = strings.Fields(c.Text())
	return true
}}

// Match takes messages whose text holds a match of the regular expression. Args
// holds what its groups have matched. Run tells if the expression is wrong.
func Match(expr string) Matcher {
	re, err := regexp.Compile(expr)
	if err != nil {
		return Matcher{err: fmt.Errorf("pattern %q: %w", expr, err)}
	}
	return Matcher{takes: func(c *Ctx) bool {
		groups := re.FindStringSubmatch(c.Text())
		if groups == nil {
			return false
		}
		c.args = groups[1:]
		return true
	}}
}

// mentioned takes a message that names the bot, and sets Args to the words without
// the mention.
func (c *Ctx) mentioned() bool {
	for _, name := range []string{c.me.ID, c.me.Name} {
		if before, after, ok := cutMention(c.Text(), name); ok {
			c.args = strings.Fields(before + " " + after)
			return true
		}
	}
	return false
}

// cutMention finds "@name" with no letter or digit before or behind it, whatever
// the case.
func cutMention(text, name string) (before, after string, ok bool) {
	if name == "" {
		return "", "", false
	}
	for at := 0; ; {
		i := strings.IndexByte(text[at:], '@')
		if i < 0 {
			return "", "", false
		}
		i += at
		at = i + 1
		if len(text)-at < len(name) || !strings.EqualFold(text[at:at+len(name)], name) {
			continue
		}
		last, _ := utf8.DecodeLastRuneInString(text[:i])
		next, _ := utf8.DecodeRuneInString(text[at+len(name):])
		if !wordRune(last) && !wordRune(next) {
			return text[:i], text[at+len(name):], true
		}
	}
}

func wordRune(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || r == '_' || r == '-')
}

// commanded takes "/name", alone or with words behind it, also as "/name@bot".
func (c *Ctx) commanded(name string) bool {
	words := strings.Fields(c.Text())
	if len(words) == 0 || !strings.HasPrefix(c.Text(), "/") {
		return false
	}
	given, to, addressed := strings.Cut(words[0][1:], "@")
	if !strings.EqualFold(given, name) || addressed && !strings.EqualFold(to, c.me.ID) && !strings.EqualFold(to, c.me.Name) {
		return false
	}
	c.args = words[1:]
	return true
}
