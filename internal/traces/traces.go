// Package traces sends spans of requests, of sessions and restores, and of requests to
// storage to a collector of OpenTelemetry. A span has kinds, states and ids, and no
// query, name, path or message: those can hold secrets. The package does not know what
// the work is about.
package traces

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/run"
)

// closeTime bounds how long the last spans may take to go out.
const closeTime = 5 * time.Second

// Traces sends spans. A nil Traces sends none, and costs nothing.
type Traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// CheckEndpoint refuses what is no address of a collector; "" passes.
func CheckEndpoint(endpoint string) error {
	_, err := parseEndpoint(endpoint)
	return err
}

func parseEndpoint(endpoint string) (*url.URL, error) {
	if endpoint == "" {
		return nil, nil //nolint:nilnil // nothing to parse
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, syncline.Errorf(syncline.CodeInvalid, "the address of a collector is like http://localhost:4318")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, syncline.Errorf(syncline.CodeInvalid, "the address of a collector has no user, query or fragment; OTEL_EXPORTER_OTLP_HEADERS holds what signs in")
	}
	return u, nil
}

// Start returns what sends spans to the collector at endpoint, or at the one that the
// variables of OpenTelemetry name. It returns nil without either. Start makes no
// request. The caller calls Close.
func Start(ctx context.Context, endpoint, version string, logger *slog.Logger) (*Traces, error) {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nil //nolint:nilnil // off
	}
	sender, err := newClient(endpoint, os.Getenv)
	if sender == nil || err != nil {
		return nil, err
	}
	exporter, err := otlptrace.New(ctx, sender)
	if err != nil {
		return nil, err
	}
	from, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "syncline"), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, errors.Join(err, exporter.Shutdown(ctx))
	}
	once := rate.NewLimiter(rate.Every(time.Minute), 1)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		if once.Allow() {
			logger.Warn("traces cannot be sent", "error", err)
		}
	}))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(from))
	return &Traces{provider, provider.Tracer("syncline.dev/syncline")}, nil
}

// Close sends the last spans.
func (t *Traces) Close(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		otel.Handle(err)
	}
}

// methods are those that spans name. Others are made up by clients.
var methods = map[string]bool{
	http.MethodGet: true, http.MethodHead: true, http.MethodPost: true, http.MethodPut: true, http.MethodDelete: true,
	http.MethodPatch: true, http.MethodOptions: true,
}

// Request begins the span of a request. Its end takes the template of the path, "" for
// none, and the status. A trace that the client names is not taken up: nobody is
// signed in yet.
func (t *Traces) Request(ctx context.Context, method string) (context.Context, func(route string, status int)) {
	if !methods[method] {
		method = "_OTHER"
	}
	ctx, span := t.tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attribute.String("http.request.method", method)))
	return ctx, func(route string, status int) {
		if route != "" {
			span.SetName(method + " " + route)
			span.SetAttributes(attribute.String("http.route", route))
		}
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
		span.End()
	}
}

// Work adds a span to each run of a kind of work.
func (t *Traces) Work(k run.Kind) run.Kind {
	if t == nil {
		return k
	}
	do := k.Do
	k.Do = func(ctx context.Context, task *run.Task) run.Outcome {
		w := task.Work()
		ctx, span := t.tracer.Start(ctx, k.Noun, trace.WithNewRoot(), trace.WithAttributes(
			attribute.String("syncline.work.id", string(w.ID)), attribute.String("syncline.repository.id", string(w.RepositoryID)),
			attribute.Bool("syncline.work.resumed", task.Resumed())))
		defer span.End()
		out := do(ctx, task)
		switch {
		case out.Err != nil:
			fail(span, out.Err)
		case out.Failure != "":
			span.SetStatus(codes.Error, "damaged")
		}
		return out
	}
	return k
}

// fail marks a span as failed with the kind of the error. Its text can hold names.
func fail(span trace.Span, err error) {
	kind := "internal"
	switch code := syncline.CodeOf(err); {
	case errors.Is(err, context.Canceled):
		kind = "canceled"
	case code != "":
		kind = string(code)
	}
	span.SetStatus(codes.Error, kind)
}
