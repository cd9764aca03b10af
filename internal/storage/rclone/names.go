package rclone

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"syncline.dev/syncline/internal/storage/program"
)

// lookTime and maxNames bound the look at the names of the remotes, the latter in bytes.
var lookTime = 10 * time.Second

const maxNames = 1 << 20

func nameOf(remote string) string {
	name, _, _ := strings.Cut(remote, ":")
	return name
}

// nameless reports whether rclone says that it has no remote of the link's name. rclone
// ends in the same way where a remote is away and where there is none. The requests of a
// link share one look.
func (l *link) nameless(ctx context.Context) bool {
	if l.programs.Names == nil {
		return false
	}
	var found *bool
	select {
	case found = <-l.look:
	case <-ctx.Done():
		return false
	}
	if found == nil {
		if names, err := l.programs.names(ctx); err == nil {
			none := !slices.Contains(names, nameOf(l.remote))
			found = &none
		}
	}
	l.look <- found
	return found != nil && *found
}

// names asks rclone for the names of its remotes.
func (p *Programs) names(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	lister, err := program.Start(program.Command{Words: p.Names, Env: p.Env})
	if err != nil {
		return nil, err
	}
	defer lister.Kill()
	defer context.AfterFunc(ctx, lister.Kill)()
	text, err := io.ReadAll(io.LimitReader(lister, maxNames+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxNames {
		return nil, errors.New("there are too many names")
	}
	<-lister.Done()
	if !lister.Succeeded() {
		return nil, lister.Err()
	}
	var names []string
	for line := range bytes.Lines(text) {
		names = append(names, strings.TrimSuffix(strings.TrimRight(string(line), "\r\n"), ":"))
	}
	return names, ctx.Err()
}
