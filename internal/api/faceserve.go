package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

// served is a face with the router of its document.
type served struct {
	*face
	router *router
	links  *linkBase
}

// makeServed makes the routers of all faces, v6's first. The handlers are v6's.
func (a *api) makeServed() ([]*served, error) {
	faces, err := loadFaces()
	if err != nil {
		return nil, err
	}
	all := []*served{a.first}
	handlers := make(map[string]http.HandlerFunc)
	for _, op := range a.router.operations() {
		handlers[op.id] = op.handler
	}
	for _, f := range faces[1:] {
		s := &served{f, &router{doc: f.doc}, newLinkBase(a.BasePath, f.name)}
		own := make(map[string]addedOperation)
		for _, g := range f.lineage() {
			for _, o := range g.table.added {
				own[o.id] = o
			}
		}
		for path, item := range f.doc.Paths.Map() {
			for method, o := range item.Operations() {
				handler := handlers[cmp.Or(own[o.OperationID].as, o.OperationID)]
				s.router.HandleFunc(method+" "+path, a.through(s, path, o.OperationID, handler, own[o.OperationID]))
			}
		}
		if err := s.router.checkComplete(); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// faceOf returns the face that a path asks for, v6's for a path without a version.
func (a *api) faceOf(r *http.Request) (*served, error) {
	first := firstSegment(r.URL)
	if equalFoldASCII(first, a.first.name) || !versionSegment.MatchString(first) {
		return a.first, nil
	}
	faces, err := a.faces()
	for _, f := range faces {
		if equalFoldASCII(first, f.name) {
			return f, nil
		}
	}
	return a.first, err
}

// servedVersions names the versions that there are, the newest first.
func (a *api) servedVersions() string {
	faces, err := a.faces()
	if err != nil {
		return "/" + a.first.name
	}
	names := convert(faces, func(f *served) string { return "/" + f.name })
	slices.Reverse(names)
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// through returns the handler of an operation of a face. Where the face changes nothing
// that is v6's own.
func (a *api) through(s *served, path, id string, handler http.HandlerFunc, own addedOperation) http.HandlerFunc {
	changes := s.operation(id)
	changed := own.answer != nil
	for i, f := range s.lineage() {
		c := changes[i]
		changed = changed || f.tells[id] != nil || f.takes[id] != nil || c.ask != nil || c.status != 0 || c.page != nil || c.around != nil
	}
	if !changed && handler != nil {
		return handler
	}
	return func(w http.ResponseWriter, r *http.Request) {
		out, ok := w.(*response)
		if !ok {
			panic(fmt.Sprintf("api: a face needs the api's own writer, got %T", w))
		}
		v := &view{facts: &requestFacts{api: a, ctx: r.Context()}, face: s.face, ctx: r.Context(), query: r.URL.Query(), href: "/v6" + strings.TrimPrefix(path, "/"+s.name), request: r, out: out, api: a, links: s.links}
		call := func() error { handler(w, r); return nil }
		if own.answer != nil {
			call = func() error { return v.answer(own.answer) }
		}
		if err := v.serve(id, changes, call); err != nil {
			out.restart()
			a.fail(w, r, err)
		}
	}
}

// answer writes the answer of an operation that v6 lacks.
func (v *view) answer(of func(v *view) (any, error)) error {
	answer, err := of(v)
	if err != nil {
		return err
	}
	data, err := appendValue(nil, answer)
	if err != nil {
		return err
	}
	v.out.Header().Set("Content-Type", contentTypeJSON)
	_, err = v.out.Write(data)
	return err
}

// serve takes a request to the handler, and its answer back.
func (v *view) serve(id string, changes []opChange, call func() error) error {
	for _, c := range changes {
		for _, p := range c.ask {
			text := v.query.Get(p.name)
			if text == "" {
				continue
			}
			v.asks = append(v.asks, p.name)
			if p.use == nil {
				continue
			}
			if err := p.use(v, text); err != nil {
				return err
			}
		}
		if c.page != nil && c.page.asked {
			q := asked(v.ctx)
			q.paged, q.limit, q.offset = true, v.limit(), v.number("offset", 0)
		}
	}
	if err := v.changeBody(id); err != nil {
		return err
	}
	for _, c := range changes {
		if c.around != nil {
			inner, around := call, c.around
			call = func() error { return around(v, inner) }
		}
	}
	if err := call(); err != nil {
		return err
	}
	if v.out.stream || v.failed() {
		return nil
	}
	return v.changeAnswer(id, changes)
}

// failed reports whether the handler has answered with a failure.
func (v *view) failed() bool { return v.out.status >= http.StatusBadRequest }

// number returns a parameter that the document says is a number.
func (v *view) number(name string, absent int) int {
	n, err := strconv.Atoi(v.query.Get(name))
	if err != nil {
		return absent
	}
	return n
}

func (v *view) limit() int { return min(v.number("limit", defaultJobPage), maxJobPage) }

// changeBody gives the body v6's form.
func (v *view) changeBody(id string) error {
	sent, ok := v.request.Body.(validatedBody)
	if !ok {
		return nil
	}
	if v.body, ok = sent.value.(map[string]any); !ok {
		return nil
	}
	for _, f := range slices.Backward(v.face.lineage()) {
		if err := f.takes[id].apply(v, v.body); err != nil {
			return err
		}
	}
	return v.sendBody()
}

// sendBody puts the body into the request.
func (v *view) sendBody() error {
	data, err := json.Marshal(v.body)
	if err != nil {
		return fmt.Errorf("marshal the body in v6's form: %w", err)
	}
	v.request.Body = validatedBody{Reader: bytes.NewReader(data), value: v.body}
	v.request.ContentLength = int64(len(data))
	return nil
}

// changeAnswer gives the answer the face's form.
func (v *view) changeAnswer(id string, changes []opChange) error {
	status := v.out.status
	for _, c := range changes {
		status = cmp.Or(c.status, status)
	}
	if status == http.StatusNoContent {
		v.out.restart()
		v.out.Header().Del("Content-Type")
		v.out.WriteHeader(status)
		return nil
	}
	if v.out.body.Len() > 0 {
		if err := v.changeJSON(id, changes); err != nil {
			return err
		}
	}
	v.out.status = status
	return nil
}

func (v *view) changeJSON(id string, changes []opChange) error {
	if n := v.out.body.Len(); n > uncounted && v.out.hold != nil {
		if err := v.out.hold(partsOfAnswer * int64(n)); err != nil {
			return err
		}
		v.out.hold = nil // the answer is counted with its parts
	}
	value, err := parseValue(v.out.body.Bytes())
	if err != nil {
		return fmt.Errorf("parse the answer of v6: %w", err)
	}
	for i, f := range v.face.lineage() {
		if err := f.tells[id].apply(v, value); err != nil {
			return err
		}
		if p := changes[i].page; p != nil {
			if value, err = v.page(p, value); err != nil {
				return err
			}
		}
	}
	if list, ok := value.([]any); ok {
		value = v.filter(list)
	}
	v.carry(value)
	data, err := appendValue(nil, value)
	if err != nil {
		return err
	}
	v.out.body.Reset()
	v.out.body.Write(append(data, '\n'))
	return nil
}

// partsOfAnswer is how many times its own length an answer counts while its parts are
// changed: once as it was and once as it is then, and four times for the parts.
const partsOfAnswer = 6

// page puts a page around a list. Where the handler has not paged it, only a part of the
// list stays.
func (v *view) page(p *pageChange, value any) (any, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("%s is put around %T", p.name, value)
	}
	limit, offset, total := v.limit(), v.number("offset", 0), asked(v.ctx).total
	list = v.filter(list)
	if !p.asked {
		total = len(list)
		list = cut(list, limit, offset)
	}
	if v.empty {
		total = 0
	}
	v.query.Del("limit")
	v.query.Del("offset")
	href := v.href
	if len(v.query) > 0 {
		href += "?" + v.query.Encode()
	}
	v.asks = nil // the links have them
	links, err := toObject(v.links.apply(jobPageLinks(href, limit, offset, total)))
	if err != nil {
		return nil, err
	}
	page := &object{fields: []field{{"offset", offset}, {"limit", limit}, {"results", list}, {"_links", links}}}
	if p.total {
		page.set("totalCount", "", total)
	}
	return page, nil
}

// filter leaves what matches the filters that the face applies itself.
func (v *view) filter(list []any) []any {
	if v.empty {
		return []any{}
	}
	for _, keep := range v.keeps {
		list = keepObjects(list, keep)
	}
	return list
}

func keepObjects(list []any, keep func(*object) bool) []any {
	kept := make([]any, 0, len(list))
	for _, one := range list {
		if o, ok := one.(*object); ok && keep(o) {
			kept = append(kept, one)
		}
	}
	return kept
}

// carry adds the parameters that v6 lacks to the links of a page that v6's handler made.
func (v *view) carry(value any) {
	page, ok := value.(*object)
	if !ok || len(v.asks) == 0 {
		return
	}
	if v.empty && page.get("results") != nil {
		v.emptyPage(page)
	}
	links := page.child("_links")
	if links == nil || page.get("results") == nil {
		return
	}
	for i, f := range links.fields {
		link, ok := f.value.(*object)
		if !ok {
			continue
		}
		more := make(map[string]string, len(v.asks))
		for _, name := range v.asks {
			more[name] = v.query.Get(name)
		}
		_, rest, _ := strings.Cut(filtered("", more), "?")
		links.fields[i].value.(*object).set("href", "", link.text("href")+"&"+rest)
	}
}

// emptyPage takes everything off a page that v6's handler made.
func (v *view) emptyPage(page *object) {
	page.set("results", "", []any{})
	if links := page.child("_links"); links != nil {
		links.drop("next")
	}
	if page.get("totalCount") != nil {
		page.set("totalCount", "", 0)
	}
}

// toOperation matches an operation that the words of a failure point to. A name that a client
// has given may hold the version, too.
var toOperation = regexp.MustCompile(`\b(GET|POST|PUT|DELETE) /v6/`)

// tellFailure gives the body of a failure the face's form. Its words name the version
// that the client asked for.
func (s *served) tellFailure(out *response) {
	if s.parent == nil || out.stream || out.status < http.StatusBadRequest || out.body.Len() == 0 {
		return
	}
	value, err := parseValue(out.body.Bytes())
	o, ok := value.(*object)
	if err != nil || !ok {
		return // not a failure of this API
	}
	for i, f := range o.fields {
		if raw, ok := f.value.(jsontext.Value); ok {
			o.fields[i].value = jsontext.Value(toOperation.ReplaceAll(raw, []byte("$1 /"+s.name+"/")))
		}
	}
	for _, f := range s.lineage() {
		if f.table.failure != nil {
			f.table.failure(out.status, o)
		}
	}
	data, err := appendValue(nil, o)
	if err != nil {
		return
	}
	out.body.Reset()
	out.body.Write(append(data, '\n'))
}

// requestFacts finds facts for one request, each once.
type requestFacts struct {
	api *api
	ctx context.Context //nolint:containedctx // that of the request

	storages map[syncline.ID][]byte // as JSON, because each is told on its own
	looks    []syncline.Immutability
	looked   bool
}

func (f *requestFacts) installationID() (syncline.ID, error) {
	return f.api.Instance.InstallationID(f.ctx)
}

func (f *requestFacts) immutable(storage syncline.ID) (*bool, error) {
	if !f.looked {
		var err error
		if f.looks, err = f.api.Immutability.Immutabilities(f.ctx); err != nil {
			return nil, err
		}
		f.looked = true
	}
	var answer *bool
	for i := range f.looks {
		shown := immutabilityJSON(syncline.Repository{ObjectStorageID: storage}, &f.looks[i])
		if storage == "" || shown == nil || shown.State == "Unknown" {
			continue
		}
		kept := shown.State == "Kept" || deref(answer)
		answer = &kept
	}
	return answer, nil
}

func (f *requestFacts) objectStorage(id syncline.ID) (*object, error) {
	if f.storages == nil {
		if err := f.readStorages(); err != nil {
			return nil, err
		}
	}
	data, told := f.storages[id]
	if !told {
		return nil, nil
	}
	value, err := parseValue(data)
	o, _ := value.(*object)
	return o, err
}

// readStorages asks v6's handler for all object storages that the request sees.
func (f *requestFacts) readStorages() error {
	answer, err := f.api.ListObjectStorageRepositories(f.ctx, v6.ListObjectStorageRepositoriesRequestObject{})
	if err != nil {
		return err
	}
	list, ok := answer.(knownStorages)
	if !ok {
		return fmt.Errorf("the list of object storages is a %T", answer)
	}
	f.storages = make(map[syncline.ID][]byte, len(list.List))
	for i := range list.List {
		data, err := json.Marshal(infoFrom(f.ctx).links.apply(list.List[i]))
		if err != nil {
			return fmt.Errorf("marshal an object storage: %w", err)
		}
		f.storages[deref(list.List[i].ID)] = data
	}
	return nil
}
