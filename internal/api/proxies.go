package api

import (
	"context"
	"strings"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

// Nodes knows the nodes of this installation, and changes them. The contract of the
// methods is that of fleet.Service.
type Nodes interface {
	nodeLister
	nodeChanger
}

// nodeLister knows the nodes.
type nodeLister interface {
	// Nodes returns all of them, by the order in which they came. Callers share the list.
	Nodes(ctx context.Context) ([]syncline.Node, error)
	// SelfID returns the id of the node that answers.
	SelfID() syncline.ID
}

// nodeChanger changes the nodes. CodeNotFound is for an unknown one.
type nodeChanger interface {
	// Rescan takes the state of a node anew.
	Rescan(ctx context.Context, id syncline.ID) error
	// SetMaintenance switches the maintenance mode.
	SetMaintenance(ctx context.Context, id syncline.ID, on bool) error
	// Remove forgets a node. CodeConflict is for one that lives, and for one to which
	// repositories are bound.
	Remove(ctx context.Context, id syncline.ID) error
}

// Instance tells this installation's id.
type Instance interface {
	InstallationID(ctx context.Context) (syncline.ID, error)
}

// installation answers for the servers that there are.
type installation struct {
	nodes    nodeLister
	changer  nodeChanger
	instance Instance
	version  string
	warnings func() []string // nil for none
}

// GetServiceInstance answers GET /v6/ServiceInstance.
func (h *installation) GetServiceInstance(ctx context.Context, _ v6.GetServiceInstanceRequestObject) (v6.GetServiceInstanceResponseObject, error) {
	id, err := h.instance.InstallationID(ctx)
	if err != nil {
		return nil, err
	}
	answer := v6.GetServiceInstance200JSONResponse{InstallationID: id, Version: h.version}
	if h.warnings != nil {
		if list := h.warnings(); len(list) > 0 {
			answer.Warnings = &list
		}
	}
	return answer, nil
}

// ListProxies answers GET /v6/Proxies.
func (h *installation) ListProxies(ctx context.Context, req v6.ListProxiesRequestObject) (v6.ListProxiesResponseObject, error) {
	nodes, err := h.nodes.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	answer := make(v6.ListProxies200JSONResponse, 0, len(nodes))
	for _, n := range nodes {
		answer = append(answer, proxyJSON(n, req.Params.ExtendedView))
	}
	return answer, nil
}

// GetProxy answers GET /v6/Proxies/{proxyId}.
func (h *installation) GetProxy(ctx context.Context, req v6.GetProxyRequestObject) (v6.GetProxyResponseObject, error) {
	n, err := h.node(ctx, req.ProxyID)
	if err != nil {
		return nil, err
	}
	return v6.GetProxy200JSONResponse(proxyJSON(n, req.Params.ExtendedView)), nil
}

func (h *installation) node(ctx context.Context, id syncline.ID) (syncline.Node, error) {
	nodes, err := h.nodes.Nodes(ctx)
	if err != nil {
		return syncline.Node{}, err
	}
	for _, n := range nodes {
		if n.ID == id {
			return n, nil
		}
	}
	return syncline.Node{}, syncline.Errorf(syncline.CodeNotFound, "there is no proxy %q", id)
}

// AddProxy answers POST /v6/Proxies.
func (h *installation) AddProxy(context.Context, v6.AddProxyRequestObject) (v6.AddProxyResponseObject, error) {
	return nil, invalid("hostName cannot be honoured: a server adds itself when it starts on the same database, and none is installed from here")
}

// UpdateProxy answers PUT /v6/Proxies/{proxyId}. The start of a node decides
// its properties, so only values that change nothing are accepted.
func (h *installation) UpdateProxy(ctx context.Context, req v6.UpdateProxyRequestObject) (v6.UpdateProxyResponseObject, error) {
	n, err := h.node(ctx, req.ProxyID)
	if err != nil {
		return nil, err
	}
	const started = "it follows from how the server was started; leave it out"
	b := req.Body
	for _, f := range []struct {
		name, why string
		refused   bool
	}{
		{"hostName", "it is the machine's own; leave it out", b.HostName != nil && *b.HostName != n.HostName},
		{"description", started, b.Description != nil && *b.Description != n.Description},
		{"port", "serve --listen sets it; leave it out", b.Port != nil && int(*b.Port) != n.Port},
		{"threadsNumber", started, b.ThreadsNumber != nil && int(*b.ThreadsNumber) != n.Threads},
		{"enableNetworkThrottling", throttlingUnsupported, deref(b.EnableNetworkThrottling)},
		{"throttlingValue", throttlingUnsupported, deref(b.ThrottlingValue) != 0},
		{"throttlingUnit", throttlingUnsupported, b.ThrottlingUnit != nil},
		{"useDomainNetwork", settingUnsupported, deref(b.UseDomainNetwork)},
		{"useInternetProxy", "HTTPS_PROXY in the server's environment names one; leave it out", deref(b.UseInternetProxy)},
		{"internetProxyType", settingUnsupported, b.InternetProxyType != nil},
		{"internetProxySettings", settingUnsupported, b.InternetProxySettings != nil},
		{"username", settingUnsupported, deref(b.Username) != ""},
		{"password", settingUnsupported, b.Password != nil},
		{"type", "a server of this installation is Local", b.Type != nil && *b.Type != proxyType},
		{"maintenanceModeState", "EnableMaintenanceMode and DisableMaintenanceMode change it; leave it out", b.MaintenanceModeState != nil && *b.MaintenanceModeState != maintenanceState(n)},
		{"attachUsedProxy", settingUnsupported, deref(b.AttachUsedProxy)},
	} {
		if f.refused {
			return nil, invalid("%s cannot be honoured: %s", f.name, f.why)
		}
	}
	if saysID(b.ID) && !strings.EqualFold(string(*b.ID), string(n.ID)) {
		return nil, invalid("id cannot be changed; leave it out")
	}
	return v6.UpdateProxy200Response{}, nil
}

const throttlingUnsupported = "limitDownloadKBs of an account bounds what is read with it; leave it out"

// RemoveProxy answers POST /v6/Proxies/{proxyId}/Remove. In v6, force removes a server
// that does not answer. Such a one is removed here with it and without.
func (h *installation) RemoveProxy(ctx context.Context, req v6.RemoveProxyRequestObject) (v6.RemoveProxyResponseObject, error) {
	if _, err := h.node(ctx, req.ProxyID); err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name string
		says bool
	}{{"userName", deref(req.Body.UserName) != ""}, {"userPassword", deref(req.Body.UserPassword) != ""}} {
		if f.says {
			return nil, invalid("%s cannot be honoured: nothing is removed from the machine; leave it out", f.name)
		}
	}
	if err := h.changer.Remove(ctx, req.ProxyID); err != nil {
		return nil, err
	}
	return v6.RemoveProxy200Response{}, nil
}

// EnableMaintenanceMode answers POST /v6/Proxies/{proxyId}/EnableMaintenanceMode.
func (h *installation) EnableMaintenanceMode(ctx context.Context, req v6.EnableMaintenanceModeRequestObject) (v6.EnableMaintenanceModeResponseObject, error) {
	if err := h.changer.SetMaintenance(ctx, req.ProxyID, true); err != nil {
		return nil, err
	}
	return v6.EnableMaintenanceMode200Response{}, nil
}

// DisableMaintenanceMode answers POST /v6/Proxies/{proxyId}/DisableMaintenanceMode.
func (h *installation) DisableMaintenanceMode(ctx context.Context, req v6.DisableMaintenanceModeRequestObject) (v6.DisableMaintenanceModeResponseObject, error) {
	if err := h.changer.SetMaintenance(ctx, req.ProxyID, false); err != nil {
		return nil, err
	}
	return v6.DisableMaintenanceMode200Response{}, nil
}

// RescanProxy answers POST /v6/Proxies/{proxyId}/Rescan.
func (h *installation) RescanProxy(ctx context.Context, req v6.RescanProxyRequestObject) (v6.RescanProxyResponseObject, error) {
	if _, err := h.node(ctx, req.ProxyID); err != nil {
		return nil, err
	}
	if err := h.changer.Rescan(ctx, req.ProxyID); err != nil {
		return nil, err
	}
	return v6.RescanProxy200Response{}, nil
}

// RescanProxies answers POST /v6/Proxies/Rescan, for the nodes that are named
// or for all.
func (h *installation) RescanProxies(ctx context.Context, req v6.RescanProxiesRequestObject) (v6.RescanProxiesResponseObject, error) {
	var ids []syncline.ID
	if named := req.Body.Proxies; named != nil {
		for _, p := range *named {
			ids = append(ids, syncline.ID(strings.ToLower(string(p.ID))))
		}
	}
	if len(ids) == 0 {
		nodes, err := h.nodes.Nodes(ctx)
		if err != nil {
			return nil, err
		}
		for _, n := range nodes {
			ids = append(ids, n.ID)
		}
	}
	for _, id := range ids { // all are there before anything is done
		if _, err := h.node(ctx, id); err != nil {
			return nil, syncline.WrapError(syncline.CodeInvalid, err, "proxies: %s", syncline.MessageOf(err))
		}
	}
	for _, id := range ids {
		if err := h.changer.Rescan(ctx, id); err != nil {
			return nil, err
		}
	}
	return v6.RescanProxies200Response{}, nil
}

// proxyJSON is a node in v6's form. The form that is not extended has only its id,
// address and status.
func proxyJSON(n syncline.Node, extended *bool) v6.Proxy {
	id, port := n.ID, int32(n.Port) //nolint:gosec // a port
	kind, status := proxyType, "Offline"
	if n.Online {
		status = "Online"
	}
	answer := v6.Proxy{
		Type: &kind, ID: &id, HostName: &n.HostName, Port: &port, Status: &status,
		Links: &map[string]v6.Link{"self": proxyLink(n.ID)},
	}
	if extended == nil || *extended {
		no, threads := false, int32(n.Threads) //nolint:gosec // a few
		answer.Description, answer.ThreadsNumber = &n.Description, &threads
		answer.UseInternetProxy, answer.EnableNetworkThrottling = &no, &no
		showSigns(&answer, n)
	}
	return answer
}

// showSigns adds what v6 does not have.
func showSigns(answer *v6.Proxy, n syncline.Node) {
	state, load := maintenanceState(n), n.Load
	answer.Version, answer.Address, answer.MaintenanceModeState = present(n.Version), present(n.Address), &state
	answer.StartTime, answer.LastSeenTime = timeJSON(n.StartedAt), timeJSON(n.SeenAt)
	answer.SessionsRunning, answer.RestoresRunning, answer.WorkQueued = &load.Sessions, &load.Restores, &load.Queued
	if load.CPUPermille >= 0 {
		percent := (load.CPUPermille + 5) / 10
		answer.CPUUsagePercent = &percent
	}
	if load.Memory > 0 {
		answer.MemoryBytes = &load.Memory
	}
}

// maintenanceState is in the words of v8.
func maintenanceState(n syncline.Node) string {
	switch {
	case n.Draining():
		return "Enabling"
	case n.Maintenance:
		return "Enabled"
	}
	return "Disabled"
}

// proxyType is v6's name of the kind of a node.
const proxyType = "Local"

func proxyLink(id syncline.ID) v6.Link { return v6.Link{Href: "/v6/Proxies/" + string(id)} }
