package pgpool

import (
	"net/url"
	"slices"
	"strings"
)

const spaces = " \t\n\r\v\f"

var errKeywords = refused(`the keywords of the database's address cannot be read; write KEYWORD=VALUE with the keywords of libpq, and single quotes around a value that is empty or has spaces, with \' and \\ for a quote and a backslash in it`)

// keywords are libpq's. No other one is named by an error: where a quote is missing, it may
// be a part of a password.
var keywords = strings.Fields(`host hostaddr port dbname user password passfile require_auth channel_binding connect_timeout
	client_encoding options application_name fallback_application_name keepalives keepalives_idle keepalives_interval
	keepalives_count tcp_user_timeout replication gssencmode sslmode sslnegotiation sslcompression sslcert sslkey sslpassword
	sslcertmode sslrootcert sslcrl sslcrldir sslsni requirepeer ssl_min_protocol_version ssl_max_protocol_version krbsrvname
	gsslib gssdelegation service target_session_attrs load_balance_hosts`)

// canonical returns an address as a URL. One that is written as keywords and values, such
// as "host=db.example dbname=syncline", has each of them in its query.
func canonical(address string) (string, error) {
	if strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://") {
		return address, nil
	}
	first, _, ok := strings.Cut(address, "=")
	if !ok || !plainName.MatchString(strings.Trim(first, spaces)) {
		return "", errScheme
	}
	query := url.Values{}
	for rest := strings.TrimLeft(address, spaces); rest != ""; rest = strings.TrimLeft(rest, spaces) {
		var key, value string
		key, rest, ok = strings.Cut(rest, "=")
		key = strings.TrimRight(key, spaces)
		if !ok || !isKeyword(key) {
			return "", errKeywords
		}
		rest = strings.TrimLeft(rest, spaces)
		if next, _, more := strings.Cut(rest, "="); more && isKeyword(next) {
			return "", errKeywords // libpq takes the whole of "user= password=x" as the user's name
		}
		if value, rest, ok = keywordValue(rest); !ok {
			return "", errKeywords
		}
		if value != "" { // as libpq, which has the default then
			query.Set(key, value)
		}
	}
	return "postgres:///?" + strings.ReplaceAll(query.Encode(), "+", "%20"), nil // libpq takes a plus as it is
}

func isKeyword(s string) bool { return slices.Contains(keywords, s) || slices.Contains(taken, s) }

// keywordValue reads the value at the begin of a text. A backslash takes its meaning from
// the sign after it. ok is false for a quote without an end.
func keywordValue(s string) (value, rest string, ok bool) {
	end := spaces
	quoted := strings.HasPrefix(s, "'")
	if quoted {
		s, end = s[1:], "'"
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case strings.IndexByte(end, s[i]) < 0:
			b.WriteByte(s[i])
		case quoted:
			return b.String(), s[i+1:], true
		default:
			return b.String(), s[i:], true
		}
	}
	return b.String(), "", !quoted
}
