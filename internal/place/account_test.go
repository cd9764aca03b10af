package place

import (
	"maps"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/secret"
)

var drawers = Kinds{{Scheme: "local"}, {Scheme: "drawer", Stored: []Stored{{
	Kind: "drawer", Title: "Drawer", Methods: []Method{
		{Name: "key", Secrets: []Field{{Name: "privateKey", Required: true}, {Name: "passphrase"}}},
		{Name: "password", Secrets: []Field{{Name: Password}}},
		{Name: "open"},
	},
}}}}

// Secrets come back by their names, whatever is in them.
func TestSecretsAreKept(t *testing.T) {
	for _, c := range []struct {
		method string
		texts  map[string]string
		kept   string
	}{
		{"", map[string]string{"privateKey": "a\n\x00\"ü", "passphrase": "b"}, `{"passphrase":"b","privateKey":"a\n\u0000\"ü"}`},
		{"key", map[string]string{"privateKey": "{}"}, `{"privateKey":"{}"}`},
		{"password", map[string]string{"password": `{"privateKey":"x"}`}, `{"privateKey":"x"}`},
		{"password", nil, ""},
		{"open", nil, ""},
	} {
		a := syncline.Account{Kind: "drawer", Method: c.method}
		by := Access{Account: a, Secrets: map[string]secret.String{}}
		for name, text := range c.texts {
			by.Secrets[name] = secret.NewString(text)
		}
		kept, err := drawers.Keep(by)
		if err != nil || string(kept) != c.kept {
			t.Errorf("%q %v: kept %q, %v", c.method, c.texts, kept, err)
		}
		again, err := drawers.Access(a, kept)
		if err != nil || !maps.EqualFunc(again.Secrets, by.Secrets, func(a, b secret.String) bool { return a.Reveal() == b.Reveal() }) {
			t.Errorf("%q %v: %d secrets came back, %v", c.method, c.texts, len(again.Secrets), err)
		}
	}
}

// A record of a later version, or one that is broken, is an error without a secret.
func TestAccountsThatCannotBeRead(t *testing.T) {
	for _, c := range []struct {
		account syncline.Account
		code    syncline.Code
		says    string
	}{
		{syncline.Account{Kind: "shelf"}, syncline.CodeUnsupported, "shelf"},
		{syncline.Account{Kind: "drawer", Method: "fingerprint"}, syncline.CodeUnsupported, "fingerprint"},
		{syncline.Account{Kind: "drawer"}, syncline.CodeInternal, "give the account its secrets again"},
	} {
		_, err := drawers.Access(c.account, []byte("hunter2"))
		if syncline.CodeOf(err) != c.code || !strings.Contains(syncline.MessageOf(err), c.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v", c.account, err)
		}
	}
}

// The error for a secret that is not known names those that are.
func TestNoSecret(t *testing.T) {
	for method, says := range map[string]string{
		"key":      "secrets.pin cannot be honoured: the secrets of the method key are secrets.privateKey, secrets.passphrase",
		"password": "secrets.pin cannot be honoured: the secrets of the method password are password",
		"open":     "secrets.pin cannot be honoured: the method open has no secrets",
	} {
		err := drawers.CheckAccount(Access{
			Account: syncline.Account{Kind: "drawer", Method: method},
			Secrets: map[string]secret.String{"privateKey": secret.NewString("x"), "pin": secret.NewString("hunter2")},
		})
		if method != "key" { // only this one asks for the first
			err = NoSecret(drawers.Stored("drawer").Method(method), "pin")
		}
		if syncline.MessageOf(err) != says {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// An account whose settings say where its storage is opens another place with others.
func TestKeyOfSettings(t *testing.T) {
	at := func(account, storage map[string]string) string {
		return Place{Storage: syncline.ObjectStorage{Kind: "drawer", Settings: storage}, Access: Access{Account: syncline.Account{Settings: account}}}.Key()
	}
	one := map[string]string{"tenant": "a", "zone": "b"}
	if at(one, nil) != at(map[string]string{"zone": "b", "tenant": "a"}, nil) {
		t.Error("the same settings are two places")
	}
	if at(one, nil) == at(map[string]string{"tenant": "c", "zone": "b"}, nil) || at(nil, one) == at(one, nil) {
		t.Error("other settings are the same place")
	}
}
