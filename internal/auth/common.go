package auth

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/ccojocar/zxcvbn-go/data"

	"syncline.dev/syncline/internal/store"
)

// spare is the number of characters beside a common password that do not make
// it another password.
const spare = 4

// commonPasswords are the 7,000 most common passwords of real leaks, in lower
// case, from the zxcvbn project. They are read when the first password is set.
var commonPasswords = sync.OnceValue(func() map[string]bool {
	raw, err := data.Asset("data/Passwords.json")
	if err != nil { // the list is part of the program
		panic(fmt.Errorf("read the list of common passwords: %w", err))
	}
	var list struct{ List []string }
	if err := json.Unmarshal(raw, &list); err != nil {
		panic(fmt.Errorf("read the list of common passwords: %w", err))
	}
	common := make(map[string]bool, len(list.List)+1)
	for _, p := range list.List {
		common[strings.ToLower(p)] = true
	}
	common["syncline"] = true
	return common
})

// easyPassword returns why a user's password is among the first that are
// guessed, or "". Such a password is a common one, or the user's name (alone,
// with a common password or with a few characters), or it repeats or counts.
func easyPassword(user, password string) string {
	plain := strings.ToLower(password)
	unit := []rune(unitOf(plain))
	switch {
	case len(unit) <= len([]rune(plain))/2:
		return "it repeats itself"
	case counts(unit):
		return "its characters follow one another"
	}
	known := commonPasswords()
	name := strings.ToLower(store.FoldName(user))
	common := func(part []rune) bool {
		return known[string(part)] || string(part) == name || counts(part)
	}
	for i := range unit {
		head, tail := unit[:i], unit[i:]
		switch {
		case common(tail) && (len(head) <= spare || common(head)), common(head) && len(tail) <= spare:
			return "it is made of the most common passwords"
		}
	}
	return ""
}

// unitOf returns the shortest text whose repetition is s.
func unitOf(s string) string {
	if s == "" {
		return s
	}
	return s[:strings.Index((s + s)[1:], s)+1]
}

// counts reports whether each character follows the one before, up or down the
// alphabet or the digits. 0 follows 9.
func counts(s []rune) bool {
	if len(s) < 3 {
		return false
	}
	for _, step := range []rune{1, -1} {
		next := true
		for i := 1; i < len(s) && next; i++ {
			next = s[i] == s[i-1]+step || step == 1 && s[i-1] == '9' && s[i] == '0' || step == -1 && s[i-1] == '0' && s[i] == '9'
		}
		if next {
			return true
		}
	}
	return false
}
