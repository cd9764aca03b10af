package auth

import (
	"strings"
	"testing"

	"syncline.dev/syncline"
)

func TestNewPasswords(t *testing.T) {
	for _, p := range []string{
		"password1234", "Password1234", "1234password", "passwordpassword", "passwordqwerty", "letmein12345",
		"123456789012", "210987654321", "abcdefghijkl", "aaaaaaaaaaaa", "abc123abc123", "trustno1trustno1", "qwertyuiop12",
		"changeme1234", "welcome12345", "iloveyou1234", "masturbation", "monkey123456", "12345password", "syncline2026",
		"administrator", "Administrator1", "administrator2026", "ADMINISTRATORpassword",
		"tiny", "elevenchars", "", strings.Repeat("é", 11), "x" + strings.Repeat("correct horse ", 80),
	} {
		if err := checkPassword("Administrator", p); syncline.CodeOf(err) != syncline.CodeInvalid || p != "" && strings.Contains(syncline.MessageOf(err), p) {
			t.Errorf("%q: %v", p, err)
		}
	}
	for _, p := range []string{
		"correct horse battery staple", "a good long password", "kv7xw-2mpqa-9c", "open sesame, open", "three words here",
		strings.Repeat("é", 11) + "è", "unusual passwords win", GeneratePassword(),
	} {
		if err := checkPassword("Administrator", p); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
	if n := len(commonPasswords()); n < 5000 {
		t.Errorf("only %d common passwords are known", n)
	}
}

func TestUnitOf(t *testing.T) {
	for s, want := range map[string]string{"": "", "a": "a", "ab": "ab", "aaa": "a", "abab": "ab", "aba": "aba", "abcabcab": "abcabcab"} {
		if got := unitOf(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
