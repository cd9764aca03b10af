package kinds

import (
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage/s3"
)

// TestOwnIdentityIsShownToAmazonAlone has endpoints that look like Amazon's. A session's token
// is part of each request, so whoever gets a request has the machine's rights.
func TestOwnIdentityIsShownToAmazonAlone(t *testing.T) {
	for endpoint, amazons := range map[string]bool{
		"s3.amazonaws.com":                                          true,
		"https://S3.eu-central-1.amazonaws.com:443":                 true,
		"s3-us-west-2.amazonaws.com":                                true,
		"s3.dualstack.us-east-1.amazonaws.com":                      true,
		"s3-fips.dualstack.us-gov-west-1.amazonaws.com":             true,
		"s3-accelerate.amazonaws.com":                               true,
		"s3.cn-north-1.amazonaws.com.cn":                            true,
		"bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com": true,

		"":                                                 false,
		"http://s3.amazonaws.com":                          false,
		"s3.amazonaws.com:8443":                            false,
		"s3.amazonaws.com.evil.example":                    false,
		"s3.amazonaws.com.":                                false,
		"s3.evil.example":                                  false,
		"evil.example#.s3.x.vpce.amazonaws.com":            false,
		"https://evil.example#s3.amazonaws.com":            false,
		"evil.example/.s3.us-east-1.vpce.amazonaws.com":    false,
		"evil.example?.s3.us-east-1.vpce.amazonaws.com":    false,
		"u@evil.example\n.s3.us-east-1.vpce.amazonaws.com": false,
		"s3-mine-1234.eu-west-1.elb.amazonaws.com":         false,
		"s3.eu-west-1.elb.amazonaws.com":                   false,
		"mine.s3.us-east-1.amazonaws.com":                  false,
		"s3.mine.s3-website-us-east-1.amazonaws.com":       false,
		"vpce-1-2.vpce-svc-3.us-east-1.vpce.amazonaws.com": false,
		"mine.s3.vpce-svc-3.us-east-1.vpce.amazonaws.com":  false,
		"s3.execute-api.us-east-1.amazonaws.com":           false,
	} {
		p := place.Place{
			Storage: syncline.ObjectStorage{Kind: syncline.KindS3Compatible, Endpoint: endpoint, Bucket: "bucket"},
			Access:  place.Access{Account: syncline.Account{Method: ownIdentity}},
		}
		c, err := s3Config(p, place.Network{OwnIdentities: []string{"aws"}})
		if amazons != (err == nil) || !amazons && c.Sources != (s3.Sources{}) {
			t.Errorf("%q: %v, and is Amazon's: %v", endpoint, err, amazons)
		}
		if amazons && s3.CheckEndpoint(endpoint) != nil {
			t.Errorf("%q is no endpoint", endpoint)
		}
	}
}

// TestEndpointsAreAHost has a part behind the host, where a check of the whole text would
// look and a connection would not.
func TestEndpointsAreAHost(t *testing.T) {
	for _, end := range []string{"#s3.amazonaws.com", "/#x", "?x", "/folder", "#.googleapis.com"} {
		for _, start := range []string{"host.example", "https://host.example:9000"} {
			for _, kind := range []*place.Kind{&s3Kind, &gcsKind} {
				p := place.Place{Storage: syncline.ObjectStorage{Kind: kind.Stored[0].Kind, Endpoint: start + end, Bucket: "bucket"}}
				if _, err := kind.Open(t.Context(), p, place.Network{}); syncline.CodeOf(err) != syncline.CodeInvalid {
					t.Errorf("%s: the endpoint %q: %v", kind.Scheme, start+end, err)
				}
			}
		}
	}
}
