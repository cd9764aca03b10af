package client

import (
	"context"
	"net/http"
	"time"

	"syncline.dev/syncline"
)

const proxies = "Proxies"

// Proxy is a node of the installation: v6 calls it a proxy.
type Proxy struct {
	ID            syncline.ID `json:"id"`
	Type          string      `json:"type"`     // always Local
	HostName      string      `json:"hostName"` // the machine's name
	Description   string      `json:"description"`
	Port          int         `json:"port"`          // at which it listens
	ThreadsNumber int         `json:"threadsNumber"` // threads that decode at once
	// Status is Online while the node's last sign of life is young and says no farewell,
	// and else Offline.
	Status  string `json:"status"`
	Version string `json:"version"` // of Syncline
	Address string `json:"address"` // host and port under which it is reached, as it knows
	// MaintenanceModeState is Disabled, Enabling while the node takes no new work and has
	// some left, or Enabled.
	MaintenanceModeState string    `json:"maintenanceModeState"`
	StartTime            time.Time `json:"startTime"`
	LastSeenTime         time.Time `json:"lastSeenTime"` // its last sign of life, by the clock of the database
	// The load as the last sign of life told it; WorkQueued waits for its turn there.
	SessionsRunning int   `json:"sessionsRunning"`
	RestoresRunning int   `json:"restoresRunning"`
	WorkQueued      int   `json:"workQueued"`
	CPUUsagePercent *int  `json:"cpuUsagePercent"` // share of the machine's processors; nil where it is not known
	MemoryBytes     int64 `json:"memoryBytes"`     // that it has from the system; 0 where it is not known
}

// Proxies returns the nodes of the installation: those that run, and those that ran and
// have not been removed.
func (c *Client) Proxies(ctx context.Context) ([]Proxy, error) {
	return get[[]Proxy](ctx, c, at(proxies), nil)
}

// Proxy returns one node.
func (c *Client) Proxy(ctx context.Context, id syncline.ID) (Proxy, error) {
	return get[Proxy](ctx, c, under(proxies, id), nil)
}

// SetMaintenance switches the maintenance mode of a node. A node in it takes no new work.
func (c *Client) SetMaintenance(ctx context.Context, id syncline.ID, on bool) error {
	action := "DisableMaintenanceMode"
	if on {
		action = "EnableMaintenanceMode"
	}
	return c.perform(ctx, http.MethodPost, under(proxies, id, action), nil)
}

// RemoveProxy makes the installation forget a node that does not run, and to which no
// repository is bound.
func (c *Client) RemoveProxy(ctx context.Context, id syncline.ID) error {
	return c.perform(ctx, http.MethodPost, under(proxies, id, "Remove"), struct{}{})
}

// RescanProxies has the state of some nodes taken anew, or with none named of all.
func (c *Client) RescanProxies(ctx context.Context, ids ...syncline.ID) error {
	type one struct {
		ID syncline.ID `json:"id"`
	}
	body := struct {
		Proxies []one `json:"proxies"`
	}{make([]one, len(ids))}
	for i, id := range ids {
		body.Proxies[i].ID = id
	}
	return c.perform(ctx, http.MethodPost, at(proxies, "Rescan"), body)
}
