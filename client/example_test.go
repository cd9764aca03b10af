package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"syncline.dev/syncline/client"
)

// Sign in with the fingerprint that the server printed when it started.
func ExampleNew() {
	c, err := client.New("https://backup.example:4443", client.Options{
		UserName: "ann", Password: os.Getenv("SYNCLINE_PASSWORD"),
		Fingerprint: os.Getenv("SYNCLINE_FINGERPRINT"),
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.SignIn(context.Background())
	var certificate *client.CertificateError
	if errors.As(err, &certificate) {
		log.Fatalf("is %s what the server printed?", certificate.Fingerprint)
	}
}

// Find every version of a file in all repositories.
func ExampleClient_Search() {
	ctx, c := context.Background(), signedIn()
	for v, err := range c.Search(ctx, client.SearchQuery{Text: []string{"budget*.ods"}, Pattern: true}) {
		var missing *client.IncompleteError
		if errors.As(err, &missing) {
			log.Print("not everything was searched: ", missing)
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(v.Path, v.Size, v.FirstTime, v.LastTime)
	}
}

// Synchronize a repository and follow the session to its end.
func ExampleClient_WatchSession() {
	ctx, c := context.Background(), signedIn()
	repositories, err := c.Repositories(ctx)
	if err != nil {
		log.Fatal(err)
	}
	session, err := c.Synchronize(ctx, repositories[0].ID)
	if err != nil {
		log.Fatal(err)
	}
	for s, err := range c.WatchSession(ctx, session.ID) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d %% %s\n", s.ProgressPercent, s.Result)
	}
}

// Get the newest version of a file back.
func ExampleClient_Content() {
	ctx, c := context.Background(), signedIn()
	points, err := c.RestorePoints(ctx, "")
	if err != nil {
		log.Fatal(err)
	}
	file, err := c.Content(ctx, points[0].ID, "/home/ann/budget.ods")
	if client.StatusOf(err) == 404 {
		log.Fatal("it is not in the newest restore point")
	}
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	if _, err := io.Copy(os.Stdout, file); err != nil {
		log.Fatal(err)
	}
}

func signedIn() *client.Client {
	c, err := client.New("https://backup.example:4443", client.Options{UserName: "ann", Password: os.Getenv("SYNCLINE_PASSWORD")})
	if err != nil {
		log.Fatal(err)
	}
	return c
}
