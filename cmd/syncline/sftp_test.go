package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// inSFTP copies files into a folder of a server.
func inSFTP(t *testing.T, s *servers.SSH, name string, files map[string][]byte) {
	t.Helper()
	for file, content := range files {
		path := filepath.Join(s.Dir, name, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSFTPIsRestics asks a repository on an SSH server beside restic, with the ssh
// program in each way that restic has.
func TestSFTPIsRestics(t *testing.T) {
	t.Parallel()
	repo, ids, source := twoSnapshots(t)
	server := servers.StartSSH(t)
	inSFTP(t, server, "some folder/repo", servers.ReadFolder(t, repo))
	home := "sftp:" + server.User + "@" + server.Host + ":"
	relative, err := filepath.Rel(server.Home(), server.Dir)
	if err != nil {
		t.Fatal(err)
	}
	args := "sftp.args=" + strings.Join(server.Options, " ")
	for label, c := range map[string]struct {
		in      string // what stands before the folder's name
		options []string
	}{
		"a URL and arguments":             {"sftp://" + server.User + "@" + server.Address + "/" + strings.ReplaceAll(server.Dir, " ", "%20"), []string{"-o", args}},
		"a port in the arguments":         {home + server.Dir, []string{"-o", args + " -p " + server.Port, "-o", "sftp.connections=2"}},
		"a program":                       {"sftp:nowhere:" + server.Dir, []string{"-o", "sftp.command=" + server.Command()}},
		"a path from the home folder on":  {home + relative, []string{"-o", args + " -p " + server.Port}},
		"the SFTP server without any ssh": {"sftp:nowhere:" + server.Dir, []string{"-o", "sftp.command=" + servers.SFTPServer(t)}},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			folder := "/some folder/repo"
			if strings.HasPrefix(c.in, "sftp://") {
				folder = "/some%20folder/repo"
			}
			besideRestic(t, storedRepository{address: c.in + folder, options: c.options}, c.in+"/none", ids, source)
		})
	}
}

// TestSFTPFails says what the ssh program says, and ends with restic's exit code.
func TestSFTPFails(t *testing.T) {
	t.Parallel()
	server := servers.StartSSH(t)
	inSFTP(t, server, "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	address := server.Repository("repo")
	args := "sftp.args=" + strings.Join(server.Options, " ")
	for label, c := range map[string]struct {
		address, option, message string
	}{
		"nobody listens":   {"sftp://" + server.Host + ":1/repo", args, "Connection refused"},
		"another host key": {address, args + " -o HostKeyAlias=other", "Host key verification failed"},
		"no SFTP":          {address, "sftp.command=echo Welcome to this server", "login script"},
		"no program":       {address, "sftp.command=no-such-program-here", "there is no program no-such-program-here"},
		"a silent program": {address, "sftp.command=true", "true ended"},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			got := runProgram(t, nil, "-r", c.address, "--cache-dir", t.TempDir(), "-o", c.option, "snapshots")
			want := runPinned(t, nil, "-r", c.address, "--no-cache", "--no-lock", "-o", c.option, "snapshots")
			if got.code != want.code || !strings.Contains(got.stderr, c.message) {
				t.Errorf("exit code %d and %q, want %q; restic has %d and %q", got.code, got.stderr, c.message, want.code, want.stderr)
			}
			// The program's own words are told as restic tells them.
			for line := range strings.Lines(want.stderr) {
				if strings.HasPrefix(line, "subprocess ") && !strings.Contains(got.stderr, strings.TrimRight(line, "\r\n")) {
					t.Errorf("restic passes on %q, and the program %q", line, got.stderr)
				}
			}
		})
	}
}

// TestSFTPServerDies kills sshd while a repository is synchronized, and starts it
// again. Nothing is left of the ssh program.
func TestSFTPServerDies(t *testing.T) {
	t.Parallel()
	repo := resticfixture.Unpack(t, "v2-old")
	server := servers.StartSSH(t)
	inSFTP(t, server, "repo", servers.ReadFolder(t, repo))
	data, want := t.TempDir(), t.TempDir()
	if o := runProgram(t, nil, "-r", repo, "--cache-dir", filepath.Join(want, "catalogs"), "sync"); o.code != 0 {
		t.Fatal(o.stderr)
	}
	// The first connection ends when the session has read some packs. The server is
	// killed then, and comes back when a connection has been refused.
	dir := t.TempDir()
	gone := filepath.Join(dir, "gone")
	script := filepath.Join(dir, "ssh")
	text := "#!/bin/sh\necho $$ >>" + dir + "/pids\n" +
		"if [ ! -e " + gone + " ]; then " + server.Command() + " | (dd bs=1 count=9000 2>/dev/null; touch " + gone + "); exit 255; fi\n" +
		server.Command() + " || touch " + dir + "/refused\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	played := make(chan struct{})
	go func() {
		defer close(played)
		awaitFile(t, gone)
		server.Kill()
		awaitFile(t, filepath.Join(dir, "refused"))
		server.Start()
	}()
	o := runProgram(t, nil, "-r", server.Repository("repo"), "--cache-dir", filepath.Join(data, "catalogs"), "-o", "sftp.command="+script, "sync", "-v")
	<-played
	if o.code != 0 || !strings.Contains(o.stderr, "ssh ended") {
		t.Errorf("exit code %d and %s; want a try of what failed, and success", o.code, o.stderr)
	}
	if dump(t, data) != dump(t, want) {
		t.Error("the catalog differs from the local folder's")
	}
	for pid := range strings.Lines(servers.ReadText(t, filepath.Join(dir, "pids"))) {
		awaitGone(t, strings.TrimSpace(pid))
	}
}

// awaitFile waits for a file.
func awaitFile(t *testing.T, path string) {
	await(t, path+" is not there", func() bool { _, err := os.Stat(path); return err == nil })
}

// awaitGone waits for the end of a process.
func awaitGone(t *testing.T, pid string) {
	await(t, "the process "+pid+" runs on", func() bool {
		status, err := os.ReadFile("/proc/" + pid + "/stat")
		return err != nil || strings.Contains(string(status), ") Z ")
	})
}

// await waits until something holds, for a minute at most.
func await(t *testing.T, fault string, holds func() bool) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(time.Minute); !holds(); {
		select {
		case <-late:
			t.Error(fault)
			return
		case <-tick.C:
		}
	}
}

// confirmed sends a storage until its host keys are confirmed, and returns it with
// them. Each answer of 409 has the setting that is to be sent.
func (n *node) confirmed(account string, storage object, times int) object {
	n.t.Helper()
	settings := object{}
	if given, ok := storage["settings"].(object); ok {
		settings = given
	}
	for range times {
		var answer struct {
			Message string
			Confirm map[string]string
		}
		n.call("POST", "/v6/ObjectStorageRepositories", with(storage, object{"name": "x", "accountId": account, "settings": settings}), 409, &answer)
		if len(answer.Confirm) != 1 || !strings.Contains(answer.Message, "SHA256:") || !strings.Contains(answer.Message, "nobody has confirmed") {
			n.t.Fatalf("got %+v", answer)
		}
		for name, value := range answer.Confirm {
			settings[name] = value
		}
	}
	return with(storage, object{"settings": settings})
}

// TestSFTPOnServer attaches an SSH server, directly and behind a jump host.
func TestSFTPOnServer(t *testing.T) {
	t.Parallel()
	repo, _, source := twoSnapshots(t)
	files := servers.ReadFolder(t, repo)
	for label, jumps := range map[string]int{"directly": 0, "behind a jump host": 1} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			server := servers.StartSSH(t)
			inSFTP(t, server, "some folder", files)
			file := filepath.Join(t.TempDir(), "key")
			servers.MakeKey(t, file, "ed25519", "open sesame 9")
			server.Allow(servers.ReadText(t, file+".pub"))
			key := servers.ReadText(t, file)
			at := onServer{kill: server.Kill, start: server.Start, secrets: []string{"open sesame 9", key, strings.Split(key, "\n")[1]}}
			secrets := object{"privateKey": key, "passphrase": "open sesame 9"}
			at.account = object{"accountType": "sftpAccount", "method": "key", "userName": server.User, "secrets": secrets}
			at.storage = object{"type": "Sftp", "address": "sftp://" + server.Address + "/" + strings.ReplaceAll(server.Dir, " ", "%20") + "/some%20folder"}
			if jumps > 0 {
				gate := servers.StartSSH(t)
				secrets["jumpPrivateKey"] = servers.ReadText(t, gate.Key)
				at.secrets = append(at.secrets, strings.Split(servers.ReadText(t, gate.Key), "\n")[1])
				at.storage["settings"] = object{"jumpHosts": gate.User + "@" + gate.Address}
			}
			n := start(t, filepath.Join(t.TempDir(), "data"))
			at.storage = n.confirmed(n.add("/v6/Accounts", 201, at.account), at.storage, 1+jumps)
			n.stop()
			testAttached(t, at, repo, source)
		})
	}
}

// TestSFTPHostKeyChanges fails the work on a host that shows another key, until the
// key is changed in the storage.
func TestSFTPHostKeyChanges(t *testing.T) {
	t.Parallel()
	server := servers.StartSSH(t)
	inSFTP(t, server, "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	n := start(t, filepath.Join(t.TempDir(), "data"))
	account := object{"accountType": "sftpAccount", "userName": server.User, "secrets": object{"privateKey": servers.ReadText(t, server.Key)}}
	storage := object{"type": "Sftp", "address": "sftp://" + server.Address + "/" + server.Dir + "/repo", "settings": object{"hostKey": server.HostKey}}
	_, storageID, _, repo := n.attachIn(account, storage, resticfixture.Password)
	n.finish(n.sync(repo).ID)
	server.Kill()
	server.NewHostKey("ed25519")
	server.Start()
	session := n.sync(repo).ID
	n.untilLogged("/v6/RepositorySynchronizeSessions/"+session, "somebody may stand between")
	if all := n.events(session); all[len(all)-1].Result != "Failed" {
		t.Errorf("the session ended as %+v", all[len(all)-1])
	}
	n.call("PUT", "/v6/ObjectStorageRepositories/"+storageID, object{"settings": object{"hostKey": server.HostKey}}, 200, nil)
	n.finish(n.sync(repo).ID)
}

// TestAttachingBadSFTP is what a user gets wrong with SFTP.
func TestAttachingBadSFTP(t *testing.T) {
	t.Parallel()
	server := servers.StartSSH(t)
	n := start(t, filepath.Join(t.TempDir(), "data"), "--deny-private-endpoints")
	key := servers.ReadText(t, server.Key)
	good := object{"accountType": "sftpAccount", "userName": server.User, "secrets": object{"privateKey": key}}
	for want, account := range map[string]object{
		"secrets.privateKey is required":      with(good, object{"secrets": object{}}),
		"secrets.privateKey must be a whole":  with(good, object{"secrets": object{"privateKey": "hunter2"}}),
		"userName is required":                with(good, object{"userName": ""}),
		"there is no jumpPrivateKey":          with(good, object{"secrets": object{"privateKey": key, "jumpPassphrase": "x"}}),
		"secrets.passphrase cannot be honour": with(good, object{"method": "password", "secrets": object{"password": "x", "passphrase": "hunter2"}}),
	} {
		if m := n.refused("POST", "/v6/Accounts", account, 400); !strings.Contains(m, want) || strings.Contains(m, "hunter2") {
			t.Errorf("got %q, want %q", m, want)
		}
	}
	storage := object{"type": "Sftp", "name": "x", "accountId": n.add("/v6/Accounts", 201, good), "address": "sftp://" + server.Address + "/" + server.Dir}
	for want, change := range map[string]object{
		"an address of this very machine":             {},
		"the address has a user name":                 {"address": "sftp://ada@" + server.Address + "/" + server.Dir},
		"settings.hostKey must be the public key":     {"settings": object{"hostKey": "hunter2"}},
		"settings.jumpHosts must have a host in each": {"settings": object{"jumpHosts": "a/b"}},
		"settings.other is not known":                 {"settings": object{"other": "x"}},
		"names no folder":                             {"address": "sftp://" + server.Address},
		"link-local":                                  {"address": "sftp://169.254.169.254//x"},
	} {
		if m := n.refused("POST", "/v6/ObjectStorageRepositories", with(storage, change), 400); !strings.Contains(m, want) || strings.Contains(m, "hunter2") {
			t.Errorf("got %q, want %q", m, want)
		}
	}
}
