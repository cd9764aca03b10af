package api

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/gate"
	"syncline.dev/syncline/internal/peer"
)

const (
	defaultHeartbeat    = 15 * time.Second
	defaultQuestionTime = 2 * time.Minute
)

// api answers requests, each with the group of handlers that has its operation.
// The groups are in the files named after the resources.
type api struct {
	Config
	*signing
	*keys
	*accounts
	*browse
	*storages
	*storageKinds
	*repositories
	*installation
	*users
	*managers
	*points
	*entries
	*differences
	*histories
	*search
	*statistics
	*contents
	*sessions
	*restores
	*alarms
	*channels
	*machines
	*jobs
	*organizations
	*usedRepositories
	*alarmRules

	*front

	router  *router                   // of v6
	first   *served                   // v6
	faces   func() ([]*served, error) // all, made when somebody asks for another version
	docs    *docs
	cookies cookieNames
	made    *stamp
	space   *spaceProbe
}

var _ v6.StrictServerInterface = (*api)(nil)

// NewHandler makes the handler of the whole API and its description under
// /swagger. It fails when the configuration is incomplete or when the document
// and the code do not match.
func NewHandler(cfg Config) (http.Handler, error) {
	if name := cfg.missing(); name != "" {
		return nil, fmt.Errorf("api: the configuration lacks %s", name)
	}
	return newAPI(cfg)
}

func newAPI(cfg Config) (*api, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Gate == nil {
		cfg.Gate = gate.New(gate.Default, peer.Proxies{})
	}
	if cfg.Attaching == nil {
		cfg.Attaching = &ownLock{}
	}
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = defaultHeartbeat
	}
	cfg.WriteTimeout = cmp.Or(cfg.WriteTimeout, defaultWriteTimeout)
	cfg.QuestionTime = cmp.Or(cfg.QuestionTime, defaultQuestionTime)
	doc, err := v6.Load()
	if err != nil {
		return nil, err
	}
	docs, err := docsAt(cfg.BasePath)
	if err != nil {
		return nil, err
	}
	a := &api{
		Config: cfg,
		router: &router{doc: doc},
		docs:   docs, cookies: cookiesAt(cfg.BasePath),
		made:  &stamp{now: cfg.Now, newID: func() syncline.ID { return syncline.ID(uuid.NewString()) }},
		space: newSpaceProbe(statfs),
	}
	a.front = newFront(cfg.Gate, cfg.Logger, a.dispatch)
	a.now, a.writeTimeout, a.strictTransport, a.tracer = cfg.Now, cfg.WriteTimeout, cfg.StrictTransport, cfg.Tracer
	a.group()
	strict := v6.NewStrictHandlerWithOptions(a, []v6.StrictMiddlewareFunc{linkAnswers}, v6.StrictHTTPServerOptions{
		RequestErrorHandlerFunc:  a.badBinding,
		ResponseErrorHandlerFunc: a.fail,
	})
	v6.HandlerWithOptions(strict, v6.StdHTTPServerOptions{BaseRouter: a.router, ErrorHandlerFunc: a.badBinding})
	if err := a.router.checkComplete(); err != nil {
		return nil, err
	}
	a.first = &served{&face{name: firstFace, doc: doc}, a.router, newLinkBase(a.BasePath, firstFace)}
	a.faces = sync.OnceValues(a.makeServed)
	return a, nil
}

// stamp gives new things their id and their time.
type stamp struct {
	now   func() time.Time
	newID func() syncline.ID
}

// group gives each group of handlers what it asks for.
func (a *api) group() {
	a.signing = &signing{auth: a.Auth, cookies: a.cookies}
	a.keys = &keys{store: a.Keys, sealer: a.Sealer, secrets: a.Users, made: a.made}
	a.managers = &managers{a.Managers}
	a.users = &users{store: a.Users, passwords: a.Users, secrets: a.Users}
	a.accounts = &accounts{store: a.Accounts, storages: a.ObjectStorages, kinds: a.Kinds, sealer: a.Sealer, secrets: a.Users, places: a.Places, made: a.made}
	a.browse = &browse{accounts: a.accounts, places: a.Places}
	where := &placement{a.Nodes}
	a.storageKinds = &storageKinds{a.Kinds}
	a.installation = &installation{nodes: a.Nodes, changer: a.Nodes, instance: a.Instance, version: a.Version}
	if a.Monitor != nil {
		a.warnings = a.Monitor.Warnings
	}
	a.repositories = &repositories{
		known: a.Repositories, store: a.Store, storages: a.ObjectStorages, sessions: a.Sessions, synchronizer: a.Synchronizer, starter: a.Synchronizer,
		where: where, accounts: a.accounts, keys: a.keys, kinds: a.Kinds, space: a.space, made: a.made, checks: a.Checks, looks: a.Immutability, attaching: a.Attaching,
	}
	a.keys.repositories = a.repositories
	a.storages = &storages{
		store: a.ObjectStorages, repositories: a.repositories, accounts: a.accounts, keys: a.keys,
		kinds: a.Kinds, places: a.Places, sizes: a.Statistics, made: a.made,
	}
	a.points = &points{repositories: a.Repositories, points: a.RestorePoints, sightings: a.Sightings, instance: a.Instance}
	a.machines = &machines{watch: a.Machines}
	a.jobs = &jobs{repositories: a.Repositories, points: a.RestorePoints, watch: a.Machines, checks: a.Checks, instance: a.Instance}
	a.usedRepositories = &usedRepositories{repositories: a.Repositories, sizes: a.Statistics, checks: a.Checks, instance: a.Instance}
	a.organizations = &organizations{instance: a.Instance, nodes: a.Nodes, watch: a.Machines}
	a.alarmRules = &alarmRules{store: a.AlarmRules, made: a.made}
	a.entries = &entries{explorer: a.Explorer}
	a.differences = &differences{explorer: a.Explorer}
	a.histories = &histories{repositories: a.Repositories, explorer: a.Histories}
	a.search = &search{repositories: a.Repositories, searcher: a.Searcher, sessions: a.Sessions}
	a.statistics = &statistics{repositories: a.Repositories, sizes: a.Statistics}
	events := &streams{auth: a.Auth, heartbeat: a.Heartbeat, log: a.Logger}
	a.sessions = &sessions{repositories: a.Repositories, where: where, one: a.Sessions, list: a.Sessions, runner: a.Synchronizer, streams: events}
	a.restores = &restores{where: where, jobs: a.RestoreJobs, runner: a.Restorer, streams: events}
	a.alarms = &alarms{store: a.Alarms, repositories: a.Repositories, made: a.made}
	a.channels = &channels{store: a.Channels, log: a.DeliveryLog, notifier: a.Notifier, repositories: a.Repositories, sealer: a.Sealer, made: a.made}
	a.contents = &contents{
		points: a.RestorePoints, files: a.Contents, archives: a.Archives, log: a.Logger,
		guard: &guard{auth: a.Auth, heartbeat: a.Heartbeat, log: a.Logger},
	}
}

// checkComplete makes sure that every operation of the document is served and
// has its role.
func (rt *router) checkComplete() error {
	served := make(map[string]bool)
	for _, op := range rt.operations() {
		served[op.id] = true
		if _, ok := roles[op.id]; !ok && !op.public() {
			return fmt.Errorf("api: no role is set for operation %s", op.id)
		}
	}
	for template, item := range rt.doc.Paths.Map() {
		for method, o := range item.Operations() {
			if !served[o.OperationID] {
				return fmt.Errorf("api: %s %s is in the document but not served", method, template)
			}
		}
	}
	return nil
}

// badBinding answers when the generated code cannot bind a request that passed the
// check against the document.
func (a *api) badBinding(w http.ResponseWriter, r *http.Request, err error) {
	a.fail(w, r, syncline.WrapError(syncline.CodeInvalid, err, "the request is not as the API describes it; see /swagger"))
}

// dispatch finds the operation, checks the user's right to it, checks the request
// against the document and calls the handler.
func (a *api) dispatch(w *response, r *http.Request, info *requestInfo) {
	r = a.withoutBase(r)
	if strings.HasPrefix(r.URL.EscapedPath(), "//") {
		writeFailure(w, http.StatusNotFound, "the path begins with two slashes; write the server's address without a slash at its end, because every path begins with one; /swagger lists every operation")
		return
	}
	if a.docs.serve(w, r) || a.serveMonitor(w, r, info) || a.servePage(w, r) {
		return
	}
	face, err := a.faceOf(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	info.links = face.links
	a.serveOperation(face, w, r, info)
	face.tellFailure(w)
}

// serveOperation answers a request for an operation of a face.
func (a *api) serveOperation(face *served, w *response, r *http.Request, info *requestInfo) {
	p, values := face.router.match(r.URL)
	if p == nil && refuseChange(face.name, w, r) {
		return
	}
	if p == nil {
		a.notFound(face, w, r)
		return
	}
	info.route = p.template
	op := p.operation(r.Method)
	if op == nil {
		methodNotAllowed(w, p.allow)
		return
	}
	info.oauth = op.id == "Token"
	if err := a.admit(op, r, info); err != nil {
		a.fail(w, r, err)
		return
	}
	if err := a.check(op, p, values, w, r); err != nil {
		a.fail(w, r, err)
		return
	}
	a.run(op, w, r, info)
}

// notFound answers a request for a path that the API lacks.
func (a *api) notFound(face *served, w *response, r *http.Request) {
	if asks := firstSegment(r.URL); versionSegment.MatchString(asks) && !equalFoldASCII(asks, face.name) {
		writeFailure(w, http.StatusNotFound, "there is no version "+strings.ToLower(printable(asks))+" of the API here; this server has "+a.servedVersions()+"; /swagger lists every operation")
		return
	}
	writeFailure(w, http.StatusNotFound, "there is nothing under this path; /swagger lists every operation")
}

// servePage answers a request for one of the console's pages and reports
// whether it was one.
func (a *api) servePage(w http.ResponseWriter, r *http.Request) bool {
	if a.Console == nil || !a.Console.Has(r.URL.EscapedPath()) {
		return false
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		methodNotAllowed(w, "GET, HEAD")
		return true
	}
	sendShared(w, r, a.Console)
	return true
}

func methodNotAllowed(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	writeFailure(w, http.StatusMethodNotAllowed, "this path does not take the method; use "+strings.ReplaceAll(allow, ", ", " or "))
}

func (a *api) check(op *operation, p *path, values []string, w *response, r *http.Request) error {
	info := infoFrom(r.Context())
	if err := errors.Join(info.readExtensions(r.Header), info.readManager(r.Header)); err != nil {
		return err
	}
	if err := p.setPathValues(r, values); err != nil {
		return err
	}
	if err := op.checkQuery(r.Context(), r); err != nil {
		return err
	}
	return op.checkBody(w, r)
}
