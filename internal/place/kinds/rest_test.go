package kinds

import (
	"fmt"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
)

// TestCredentialsOfREST takes them from the address, or else from the environment,
// as restic does.
func TestCredentialsOfREST(t *testing.T) {
	variables := map[string]string{"RESTIC_REST_USERNAME": "variable", "RESTIC_REST_PASSWORD": "hunter2-v"}
	for address, want := range map[string][2]string{
		"rest:https://host:8000/repo/":                    {"variable", "hunter2-v"},
		"rest:https://reader@host:8000/repo/":             {"reader", ""},
		"rest:https://reader:hunter2%40@host:8000/repo/":  {"reader", "hunter2@"},
		"rest:https://:hunter2@host:8000/repo/":           {"", "hunter2"},
		"rest:http+unix://reader:hunter2@/socket:/repo/":  {"reader", "hunter2"},
		"rest:https+unix:///run/rest.socket:/some%20repo": {"variable", "hunter2-v"},
	} {
		named, err := All().Name(address, []string{"rest.connections=3"}, place.User{Getenv: func(name string) string { return variables[name] }})
		if err != nil {
			t.Fatal(err)
		}
		c, err := restConfig(named.Place, place.Network{CA: []byte("ca"), DenyPrivate: true})
		if err != nil || c.User != want[0] || c.Password != want[1] || c.Connections != 3 || !c.DenyPrivate || string(c.CA) != "ca" {
			t.Errorf("%s is asked with %+v, %v", address, c, err)
		}
		if told := fmt.Sprintf("%s %s %+v", named.Name, named.Key, named.Place); strings.Contains(told, "hunter2") {
			t.Errorf("%s: the password is in %s", address, told)
		}
		again, err := All().Name(strings.Replace(address, "hunter2", "other", 1), nil, place.User{Getenv: func(string) string { return "" }})
		if err != nil || again.Key != named.Key {
			t.Errorf("with another password, %s has the key %q instead of %q, %v", address, again.Key, named.Key, err)
		}
	}
}

// TestServerReachesNoSocket opens a stored place at a Unix socket.
func TestServerReachesNoSocket(t *testing.T) {
	opener := place.Opener{Kinds: All()}
	for endpoint, code := range map[string]syncline.Code{
		"http+unix:///var/run/docker.sock": syncline.CodeInvalid, "https+unix:///socket": syncline.CodeInvalid, "https://host:8000": "",
	} {
		_, _, err := opener.Reach(t.Context(), place.Place{Storage: syncline.ObjectStorage{Kind: syncline.KindREST, Endpoint: endpoint}}, nil)
		if syncline.CodeOf(err) != code || err != nil && !strings.Contains(syncline.MessageOf(err), "the server reaches no Unix sockets") {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}
