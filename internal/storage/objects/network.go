package objects

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/oserr"
	"syncline.dev/syncline/internal/storage"
)

// networkError translates an error of a transport.
func networkError(host string, err error) error {
	var request *storage.RequestError
	if errors.As(err, &request) {
		return request // of what makes the requests in place of the network
	}
	var ours *syncline.Error
	if errors.As(err, &ours) {
		return ours // the guard's error
	}
	final := func(code syncline.Code, format string, args ...any) error {
		return syncline.WrapError(code, err, format, append([]any{host}, args...)...)
	}
	var (
		hostname x509.HostnameError
		unknown  x509.UnknownAuthorityError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
		record   tls.RecordHeaderError
		dns      *net.DNSError
	)
	switch {
	case errors.Is(err, errPlainHTTP):
		return final(syncline.CodeInvalid, "the storage led to %s over http, without encryption; write http:// in the address if that is wanted")
	case errors.Is(err, errTooLarge):
		return final(syncline.CodeUnavailable, "%s answered with more than such a request can bring; check that the endpoint is right")
	case errors.As(err, &hostname):
		return final(syncline.CodeInvalid, "the certificate of %s is for another name; check the endpoint")
	case errors.As(err, &unknown):
		return final(syncline.CodeInvalid, "the certificate of %s was issued by an authority that is not trusted here; name a file with the authority's certificate with --cacert")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return final(syncline.CodeUnavailable, "the certificate of %s has expired or is not valid yet; renew it, or set this machine's clock")
	case errors.As(err, &invalid), errors.As(err, &verify):
		return final(syncline.CodeInvalid, "the certificate of %s cannot be accepted")
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return final(syncline.CodeInvalid, "%s does not speak https; write http:// in the address if it is meant to be reached without encryption")
	case errors.As(err, &dns) && dns.IsNotFound:
		return final(syncline.CodeUnavailable, "there is no host %s; check the endpoint")
	}
	return &storage.RequestError{Retryable: true, Err: syncline.WrapError(syncline.CodeUnavailable, err,
		"the storage at %s cannot be reached now (%s)", host, reason(err))}
}

// reason names a passing failure in a word or two.
func reason(err error) string {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case oserr.NoHandles(err):
		return oserr.Advice(err, "")
	case errors.As(err, &dns):
		return "its name cannot be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed in the middle of an answer"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route"
	}
	return "connection failed"
}
