package api

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
)

func (w *world) addSessions(n int) {
	for i := range n {
		w.store.sessions = append(w.store.sessions, syncline.Session{
			Work:       syncline.Work{ID: syncline.ID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)), RepositoryID: repoID, State: syncline.WorkRunning},
			Statistics: syncline.SessionStatistics{RequestsByKind: map[string]int64{"list snapshots": 1, "get data": 300}},
		})
	}
}

func quiet(c *Config) { c.Logger = slog.New(slog.DiscardHandler) }

// BenchmarkListSessions is the handler alone, ten repositories, no network.
func BenchmarkListSessions(b *testing.B) {
	w := newWorld(b, quiet)
	w.addSessions(10)
	req := httptest.NewRequest("GET", "/v6/RepositorySynchronizeSessions", nil)
	req.Header.Set("Authorization", "Bearer viewer")
	b.ReportAllocs()
	for b.Loop() {
		rec := httptest.NewRecorder()
		w.api.ServeHTTP(rec, req)
		if rec.Code != 200 {
			b.Fatal(rec.Code)
		}
	}
}

// BenchmarkListSessionsClients is the list over TLS with 100 clients at once.
// It reports the 99th percentile of the time of one request.
func BenchmarkListSessionsClients(b *testing.B) {
	w := newWorld(b, quiet)
	w.addSessions(10)
	const clients = 100
	transport := w.server.Client().Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2, transport.TLSClientConfig.NextProtos = false, nil
	transport.MaxIdleConnsPerHost = clients
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for b.Loop() {
		took := make([][]time.Duration, clients)
		var connected, all sync.WaitGroup
		connected.Add(clients)
		for i := range took {
			all.Go(func() {
				ok := getList(client, w.server.URL) // shakes hands
				connected.Done()
				connected.Wait()
				for range 50 {
					if !ok {
						b.Error("a request failed")
						return
					}
					start := time.Now()
					ok = getList(client, w.server.URL)
					took[i] = append(took[i], time.Since(start))
				}
			})
		}
		all.Wait()
		var times []time.Duration
		for _, t := range took {
			times = append(times, t...)
		}
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
	}
}

func getList(client *http.Client, url string) bool {
	req, err := http.NewRequest("GET", url+"/v6/RepositorySynchronizeSessions", nil)
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer viewer")
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode == http.StatusOK
}
