// Command syncall synchronizes every repository of a Syncline server and waits for the end.
// It is for a job that runs after the backups.
//
//	syncall https://backup.example:4443
//
// SYNCLINE_USER and SYNCLINE_PASSWORD sign in; the role operator is enough. SYNCLINE_CACERT
// names a file with certificates to trust beside the system's, or SYNCLINE_FINGERPRINT is the
// fingerprint that the server prints when it starts. The exit code is 1 when a session failed
// or was stopped, and 3 when the server cannot be asked.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"

	"syncline.dev/syncline/client"
)

// errIncomplete says that a catalog is not up to date.
var errIncomplete = errors.New("not every repository was synchronized")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "syncall:", err)
	if errors.Is(err, errIncomplete) {
		os.Exit(1)
	}
	os.Exit(3)
}

func run(ctx context.Context) error {
	if len(os.Args) != 2 {
		return errors.New("usage: syncall SERVER")
	}
	options := client.Options{
		UserName: os.Getenv("SYNCLINE_USER"), Password: os.Getenv("SYNCLINE_PASSWORD"),
		Fingerprint: os.Getenv("SYNCLINE_FINGERPRINT"), UserAgent: "syncall",
	}
	if file := os.Getenv("SYNCLINE_CACERT"); file != "" {
		var err error
		if options.CertificateAuthorities, err = os.ReadFile(file); err != nil {
			return err
		}
	}
	c, err := client.New(os.Args[1], options)
	if err != nil {
		return err
	}
	repositories, err := c.Repositories(ctx)
	if err != nil {
		return err
	}
	return synchronize(ctx, c, repositories)
}

// synchronize starts a session for each repository, and follows a few of them at once. The
// server has its own bound on how many run.
func synchronize(ctx context.Context, c *client.Client, repositories []client.Repository) error {
	const atOnce = 4
	results := make([]error, len(repositories))
	next := make(chan int)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for i := range next {
				results[i] = follow(ctx, c, &repositories[i])
			}
		})
	}
	for i := range repositories {
		next <- i
	}
	close(next)
	workers.Wait()
	var failed error
	for i, err := range results {
		if err == nil {
			fmt.Println(repositories[i].Name, "is up to date")
			continue
		}
		fmt.Fprintln(os.Stderr, repositories[i].Name+":", err)
		failed = errIncomplete
	}
	return failed
}

// follow synchronizes a repository and waits for the end of the session.
func follow(ctx context.Context, c *client.Client, r *client.Repository) error {
	session, err := c.Synchronize(ctx, r.ID)
	if err != nil {
		return err
	}
	for state, err := range c.WatchSession(ctx, session.ID) {
		if err != nil {
			return err
		}
		session = state
	}
	if session.Result != "Success" {
		return fmt.Errorf("%s %s", session.Result, session.Error)
	}
	return nil
}
