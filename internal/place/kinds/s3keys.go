package kinds

import (
	"cmp"
	"strconv"
	"strings"

	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage/objects"
	"syncline.dev/syncline/internal/storage/s3"
)

// minioKeys are the keys in MinIO's own variables.
func minioKeys(u *place.User) (id, secret string) {
	for _, names := range [][2]string{{"MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"}, {"MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"}} {
		if id, secret = u.Getenv(names[0]), u.Getenv(names[1]); id != "" && secret != "" {
			return id, secret
		}
	}
	return "", ""
}

// sourcesOfUser are the places where the user's environment has keys, besides variables.
func sourcesOfUser(u *place.User, endpoint string) s3.Sources {
	s := machineSources(u.Getenv, isAmazon(endpoint))
	s.MinIO = true
	s.Profile = &s3.Profile{
		Name: cmp.Or(u.Getenv("AWS_PROFILE"), u.Getenv("AWS_DEFAULT_PROFILE")), Home: cmp.Or(u.Getenv("HOME"), u.Getenv("USERPROFILE")),
		CredentialsFile: u.Getenv("AWS_SHARED_CREDENTIALS_FILE"), ConfigFile: u.Getenv("AWS_CONFIG_FILE"),
		TokenService: u.Getenv("AWS_ENDPOINT_URL_STS"), Container: s.Container, Getenv: u.Getenv,
		Instance: instanceOf(u.Getenv),
	}
	return s
}

// machineSources are the roles that a cloud gives this machine or its container. The
// variables are set by the cloud.
func machineSources(getenv func(string) string, amazon bool) (s s3.Sources) {
	if file := getenv("AWS_WEB_IDENTITY_TOKEN_FILE"); file != "" {
		s.WebIdentity = &s3.WebIdentity{
			TokenFile: file, RoleARN: getenv("AWS_ROLE_ARN"), SessionName: getenv("AWS_ROLE_SESSION_NAME"),
			Region: cmp.Or(getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION")), Endpoint: getenv("AWS_ENDPOINT_URL_STS"),
		}
	}
	if c := (s3.Container{
		RelativeURI: getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), FullURI: getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
		Token: getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN"), TokenFile: getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
	}); c.RelativeURI+c.FullURI != "" {
		s.Container = &c
	}
	// A machine that may be outside of the cloud asks for Amazon's own storage only.
	where := objects.Machine(objects.Amazon)
	asked := getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT") != ""
	if s.Container == nil && s.WebIdentity == nil && (asked || where == objects.Inside || where == objects.Unknown && amazon) {
		s.Instance = instanceOf(getenv)
	}
	return s
}

// instanceOf is the metadata service of an instance, nil where the environment forbids to
// ask it.
func instanceOf(getenv func(string) string) *s3.Instance {
	if off, err := strconv.ParseBool(getenv("AWS_EC2_METADATA_DISABLED")); err == nil && off {
		return nil
	}
	noV1, err := strconv.ParseBool(getenv("AWS_EC2_METADATA_V1_DISABLED"))
	return &s3.Instance{Endpoint: getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"), NoV1: err == nil && noV1}
}

// isAmazon reports whether an endpoint has one of Amazon's names.
func isAmazon(endpoint string) bool {
	host, _, _ := strings.Cut(strings.ToLower(endpoint), ":")
	return host == "amazonaws.com" || strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn")
}
