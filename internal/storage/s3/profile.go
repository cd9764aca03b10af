package s3

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"gopkg.in/ini.v1"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// Profile is a profile in the configuration files of Amazon's tools. Such a file can name
// a program to run, so that a server must never use one.
type Profile struct {
	Name string // "default" when empty
	// Files are the credentials file and the configuration file; those of the user's home
	// when empty.
	CredentialsFile, ConfigFile string
	Home                        string // the user's home
	TokenService                string // endpoint of the token service; Amazon's when empty
	// Others are the sources that credential_source can name.
	Container *Container
	Instance  *Instance
	Getenv    func(string) string
}

// maxProfileFile bounds a configuration file, in bytes. maxProfiles bounds the profiles
// that lead to one another.
const (
	maxProfileFile = 4 << 20
	maxProfiles    = 8
)

type profileSource struct {
	Profile
	client *http.Client
	role   map[string]*roleSource // of the profiles with a role, for the sake of their keys
}

func (p *profileSource) keys(ctx context.Context) (credentials.Value, error) {
	named := p.Name != ""
	name := p.Name
	if !named {
		name = "default"
	}
	file, err := p.load()
	if err == nil && file.section(name) == nil && named {
		err = syncline.Errorf(syncline.CodeInvalid, "the AWS profile %q holds no usable keys: no such profile is there", name)
	}
	if err == nil && file.section(name) == nil {
		return credentials.Value{}, nil
	}
	var value credentials.Value
	if err == nil {
		value, err = p.of(ctx, file, name, nil)
	}
	if err == nil && value.AccessKeyID == "" && named {
		err = syncline.Errorf(syncline.CodeInvalid, "the AWS profile %q holds no usable keys", name)
	}
	if err != nil && named && ctx.Err() == nil {
		err = &finalError{err}
	}
	return value, err
}

// profiles are the sections of the two files, by name. A session of SSO has the name
// "sso-session NAME".
type profiles map[string]map[string]string

func (f profiles) section(name string) map[string]string { return f[name] }

// load reads the two files. A file that is not there is empty.
func (p *profileSource) load() (profiles, error) {
	all := profiles{}
	config, err := p.read(p.ConfigFile, "config")
	if err != nil {
		return nil, err
	}
	for _, s := range config.Sections() {
		name, isProfile := strings.CutPrefix(s.Name(), "profile ")
		if !isProfile && name != "default" && !strings.HasPrefix(name, "sso-session ") {
			continue
		}
		name = strings.TrimSpace(name)
		if all[name] == nil || isProfile {
			all[name] = s.KeysHash()
		}
	}
	shared, err := p.read(p.CredentialsFile, "credentials")
	if err != nil {
		return nil, err
	}
	for _, s := range shared.Sections() {
		if s.Name() == ini.DefaultSection || strings.HasPrefix(s.Name(), "profile ") {
			continue
		}
		all.merge(s.Name(), s.KeysHash())
	}
	return all, nil
}

// merge puts keys of the credentials file above those of the configuration file. A pair of
// keys replaces a pair.
func (f profiles) merge(name string, keys map[string]string) {
	into := f[name]
	if into == nil {
		f[name] = keys
		return
	}
	pair := keys["aws_access_key_id"] != "" && keys["aws_secret_access_key"] != ""
	if pair {
		delete(into, "aws_session_token")
	}
	for k, v := range keys {
		if pair || into["aws_access_key_id"] == "" || !strings.HasPrefix(k, "aws_") {
			into[k] = v
		}
	}
}

func (p *profileSource) read(path, name string) (*ini.File, error) {
	if path == "" {
		if p.Home == "" {
			return ini.Empty(), nil
		}
		path = filepath.Join(p.Home, ".aws", name)
	}
	text, err := readBounded(path, maxProfileFile)
	if errors.Is(err, fs.ErrNotExist) {
		return ini.Empty(), nil
	}
	var file *ini.File
	if err == nil {
		file, err = ini.LoadSources(ini.LoadOptions{
			SkipUnrecognizableLines: true, SpaceBeforeInlineComment: true, PreserveSurroundedQuote: true, KeyValueDelimiters: "=",
		}, []byte(text))
	}
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the AWS configuration file %s cannot be read", path)
	}
	return file, nil
}

// of returns the keys of a profile. seen are the profiles that led to it.
func (p *profileSource) of(ctx context.Context, file profiles, name string, seen []string) (credentials.Value, error) {
	s := file.section(name)
	id, secret := s["aws_access_key_id"], s["aws_secret_access_key"]
	switch {
	case s == nil:
		return credentials.Value{}, syncline.Errorf(syncline.CodeInvalid, "the AWS profile %q, which the profile %q names, is not there", name, last(seen))
	case len(seen) > maxProfiles:
		return credentials.Value{}, syncline.Errorf(syncline.CodeInvalid, "more than %d AWS profiles lead to one another from %q", maxProfiles, seen[0])
	case s["role_arn"] != "" && (s["source_profile"] != name || last(seen) != name):
		return p.roleOf(ctx, file, name, seen)
	case id != "" && secret != "":
		return credentials.Value{AccessKeyID: id, SecretAccessKey: secret, SessionToken: s["aws_session_token"]}, nil
	case id != "" || secret != "":
		return credentials.Value{}, syncline.Errorf(syncline.CodeInvalid, "the AWS profile %q holds no usable keys: aws_access_key_id and aws_secret_access_key belong together", name)
	case s["sso_session"] != "" || s["sso_start_url"] != "" || s["sso_account_id"] != "" || s["sso_role_name"] != "":
		return p.signedOn(ctx, file, name)
	case s["credential_process"] != "":
		return runProcess(ctx, s["credential_process"], name)
	}
	return credentials.Value{}, nil
}

func last(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[len(names)-1]
}

// roleOf returns the keys of a profile with a role.
func (p *profileSource) roleOf(ctx context.Context, file profiles, name string, seen []string) (credentials.Value, error) {
	s := file.section(name)
	if s["mfa_serial"] != "" {
		return credentials.Value{}, syncline.Errorf(syncline.CodeUnsupported, "the AWS profile %q needs a code of a second factor (mfa_serial), which this program cannot ask for; get temporary keys with the AWS CLI, and set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN", name)
	}
	seconds, _ := strconv.Atoi(s["duration_seconds"])
	role := Role{ARN: s["role_arn"], SessionName: s["role_session_name"], ExternalID: s["external_id"], Region: s["region"], Endpoint: p.TokenService, Seconds: max(seconds, 0)}
	if file := s["web_identity_token_file"]; file != "" {
		w := &webIdentitySource{client: p.client, WebIdentity: WebIdentity{TokenFile: file, RoleARN: role.ARN, SessionName: role.SessionName, Region: role.Region, Endpoint: role.Endpoint}}
		return w.keys(ctx)
	}
	with, err := p.sourceOfRole(file, name, seen)
	if err != nil {
		return credentials.Value{}, err
	}
	r := p.role[name]
	if r == nil {
		if r, err = newRoleSource(role, &provider{now: time.Now, sources: []source{with}}, objects.Options{}); err != nil {
			return credentials.Value{}, err
		}
		r.client = p.client
		if p.role == nil {
			p.role = map[string]*roleSource{}
		}
		p.role[name] = r
	}
	return r.keys(ctx)
}

// sourceFunc is a source that is a function.
type sourceFunc func(ctx context.Context) (credentials.Value, error)

func (f sourceFunc) keys(ctx context.Context) (credentials.Value, error) { return f(ctx) }

// sourceOfRole returns the source of the keys that take a profile's role.
func (p *profileSource) sourceOfRole(file profiles, name string, seen []string) (source, error) {
	s := file.section(name)
	if next := s["source_profile"]; next != "" {
		for _, before := range seen {
			if before == next {
				return nil, syncline.Errorf(syncline.CodeInvalid, "the AWS profiles %q and %q lead to each other", name, next)
			}
		}
		seen = append(append([]string{}, seen...), name)
		return sourceFunc(func(ctx context.Context) (credentials.Value, error) { return p.of(ctx, file, next, seen) }), nil
	}
	switch from := s["credential_source"]; {
	case from == "Environment" && p.Getenv != nil:
		return staticSource{credentials.Value{AccessKeyID: p.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: p.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: p.Getenv("AWS_SESSION_TOKEN")}}, nil
	case from == "EcsContainer" && p.Container != nil:
		return &containerSource{Container: *p.Container, client: objects.MetadataClient()}, nil
	case from == "Ec2InstanceMetadata" && p.Instance != nil:
		return &instanceSource{Instance: *p.Instance, client: objects.MetadataClient()}, nil
	case from == "":
		return nil, syncline.Errorf(syncline.CodeInvalid, "the AWS profile %q has a role_arn, and neither source_profile nor credential_source says with which keys to take it", name)
	default:
		return nil, syncline.Errorf(syncline.CodeInvalid, "the AWS profile %q takes its role with credential_source = %s, which is not there", name, clip(from))
	}
}

// Bounds of a program that prints keys.
const (
	processPatience = time.Minute
	maxProcess      = 1 << 20
)

// runProcess runs a profile's credential_process, with a shell as Amazon's tools do.
func runProcess(ctx context.Context, command, profile string) (credentials.Value, error) {
	within, cancel := context.WithTimeout(ctx, processPatience)
	defer cancel()
	shell, flag := "sh", "-c"
	if runtime.GOOS == "windows" {
		shell, flag = "cmd.exe", "/C"
	}
	cmd := exec.CommandContext(within, shell, flag, command)
	cmd.WaitDelay = time.Second // a child of the shell may hold the pipe
	out := &limitedBuffer{most: maxProcess, full: cancel}
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	err := cmd.Run()
	var given struct {
		Version                      int
		AccessKeyID, SecretAccessKey string
		SessionToken                 string
		Expiration                   time.Time
	}
	switch {
	case ctx.Err() != nil:
		return credentials.Value{}, ctx.Err()
	case out.refused:
		return credentials.Value{}, syncline.Errorf(syncline.CodeInvalid, "the credential_process of the AWS profile %q prints more than keys", profile)
	case within.Err() != nil:
		return credentials.Value{}, syncline.Errorf(syncline.CodeUnavailable, "the credential_process of the AWS profile %q did not end within %s", profile, processPatience)
	case err != nil:
		return credentials.Value{}, storage.Refused(err, "the credential_process of the AWS profile %q failed (%v)", profile, err)
	case json.Unmarshal(out.text.Bytes(), &given) != nil || given.Version != 1 || given.AccessKeyID == "" || given.SecretAccessKey == "":
		return credentials.Value{}, syncline.Errorf(syncline.CodeInvalid, "the credential_process of the AWS profile %q did not print keys in Amazon's form (JSON with Version 1, AccessKeyId and SecretAccessKey)", profile)
	}
	return credentials.Value{AccessKeyID: given.AccessKeyID, SecretAccessKey: given.SecretAccessKey, SessionToken: given.SessionToken, Expiration: given.Expiration}, nil
}

// limitedBuffer is a buffer that refuses more than most bytes, and calls full then.
type limitedBuffer struct {
	text    bytes.Buffer // not embedded: its ReadFrom has no bound
	most    int
	full    func()
	refused bool
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > b.most {
		b.refused = true
		b.full()
		return 0, errors.New("too much output")
	}
	return b.text.Write(p)
}
