//go:build linux

package deploy_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"syncline.dev/syncline/internal/needtest"
)

// render renders the chart with values, and returns its objects by their kinds and names.
// The tool holds each object to the type that Kubernetes gives its kind.
func render(t *testing.T, values string) (map[string]object, error) {
	t.Helper()
	needtest.Full(t, "Helm's packages")
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "../scripts/tool.sh", "chart", "-values", file, "helm/syncline")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.New(said.String())
	}
	objects := map[string]object{}
	for d := yaml.NewDecoder(strings.NewReader(string(out))); ; {
		var o object
		if err := d.Decode(&o); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			t.Fatal(err)
		}
		objects[o.text("kind")+" "+o.text("metadata", "name")] = o
	}
}

// object is a part of a YAML document.
type object map[string]any

// at follows keys, and numbers of entries, to a value; nil if there is none.
func (o object) at(keys ...any) any {
	var v any = o
	for _, key := range keys {
		switch k := key.(type) {
		case string:
			m, _ := v.(object)
			v = m[k]
		case int:
			list, _ := v.([]any)
			if k >= len(list) {
				return nil
			}
			v = list[k]
		}
	}
	return v
}

func (o object) text(keys ...any) string {
	s, _ := o.at(keys...).(string)
	return s
}

// TestChart renders the chart with the values that change most.
func TestChart(t *testing.T) {
	plain, err := render(t, "{}")
	if err != nil {
		t.Fatal(err)
	}
	if len(plain) != 3 {
		t.Errorf("%d objects", len(plain))
	}
	if plain["StatefulSet backup"].at("spec", "template", "spec", "containers", 0, "env") != nil {
		t.Error("a server on SQLite is given a database")
	}
	set := plain["StatefulSet backup"]
	restricted(t, set)
	if set.at("spec", "replicas") != 1 || set.text("spec", "volumeClaimTemplates", 0, "spec", "resources", "requests", "storage") != "10Gi" {
		t.Error("it is no single node with a volume")
	}
	if got := plain["ConfigMap backup"].text("data", "syncline.yaml"); got != "data: /data/syncline\nlisten: :4443\n" {
		t.Errorf("settings: %s", got)
	}
	full, err := render(t, fullValues)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Secret backup", "Service backup", "Service backup-metrics", "ServiceMonitor backup", "ConfigMap backup", "StatefulSet backup"} {
		if full[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	restricted(t, full["StatefulSet backup"])
	secret := full["Secret backup"]
	if secret.text("data", "password") != "YSBsb25nIHBhc3N3b3Jk" || secret.text("metadata", "annotations", "helm.sh/resource-policy") != "keep" {
		t.Errorf("%v", secret)
	}
	// A selector of the ServiceMonitor that fits the Service, and a port that it has.
	labels := full["Service backup-metrics"].at("metadata", "labels").(object)
	for key, value := range full["ServiceMonitor backup"].at("spec", "selector", "matchLabels").(object) {
		if labels[key] != value {
			t.Errorf("the ServiceMonitor looks for %s %v, and the Service has %v", key, value, labels[key])
		}
	}
	if full["ServiceMonitor backup"].text("spec", "endpoints", 0, "port") != full["Service backup-metrics"].text("spec", "ports", 0, "name") {
		t.Error("the ServiceMonitor has another port than the Service")
	}
	if plain["StatefulSet backup"].text("spec", "template", "metadata", "annotations", "checksum/config") ==
		full["StatefulSet backup"].text("spec", "template", "metadata", "annotations", "checksum/config") {
		t.Error("other settings do not restart the server")
	}
	settingsAreRight(t, full["ConfigMap backup"].text("data", "syncline.yaml"))
}

// TestChartOfAFleet renders the chart with several servers and a database.
func TestChartOfAFleet(t *testing.T) {
	fleet, err := render(t, fleetValues)
	if err != nil {
		t.Fatal(err)
	}
	set := fleet["StatefulSet backup"]
	restricted(t, set)
	if set.at("spec", "replicas") != 3 || set.at("spec", "podManagementPolicy") != nil || set.at("spec", "volumeClaimTemplates", 0) == nil {
		t.Error("it is no set of three nodes that start one after the other, each with a volume")
	}
	pod := set.at("spec", "template", "spec").(object)
	env := map[string]object{}
	for _, e := range pod.at("containers", 0, "env").([]any) {
		env[e.(object).text("name")] = e.(object)
	}
	listen := env["SYNCLINE_DATABASE_LISTEN"]
	if listen.text("valueFrom", "secretKeyRef", "name") != "syncline-database" || listen.at("valueFrom", "secretKeyRef", "optional") != true {
		t.Errorf("the URL for wake-ups: %v", listen)
	}
	var volume object
	for _, v := range pod.at("volumes").([]any) {
		if v.(object).text("name") == "database" {
			volume = v.(object)
		}
	}
	if volume.text("secret", "secretName") != "syncline-database" || volume.at("secret", "defaultMode") != 0o400 ||
		env["SYNCLINE_DATABASE_FILE"].text("value") != "/etc/syncline/database/"+volume.text("secret", "items", 0, "path") {
		t.Errorf("the URL of the database: %v, %v", volume, env["SYNCLINE_DATABASE_FILE"])
	}
	labels := set.at("spec", "template", "metadata", "labels").(object)
	budget := fleet["PodDisruptionBudget backup"]
	if budget.at("spec", "maxUnavailable") != 1 || pod.at("topologySpreadConstraints", 0) == nil {
		t.Error("all nodes may stop at once")
	}
	for _, selector := range []any{budget.at("spec", "selector", "matchLabels"), pod.at("topologySpreadConstraints", 0, "labelSelector", "matchLabels")} {
		for key, value := range selector.(object) {
			if labels[key] != value {
				t.Errorf("a selector looks for %s %v, and the pods have %v", key, value, labels[key])
			}
		}
	}
	settings := fleet["ConfigMap backup"].text("data", "syncline.yaml")
	if !strings.Contains(settings, "database-connections: 8\n") || strings.Contains(settings, "postgres://") {
		t.Errorf("settings: %s", settings)
	}
	settingsAreRight(t, settings)
}

// TestFleetValuesAsWritten renders the chart with the values of docs/fleet.md. The page makes
// each Secret that the pods need.
func TestFleetValuesAsWritten(t *testing.T) {
	page, err := os.ReadFile("../docs/fleet.md")
	if err != nil {
		t.Fatal(err)
	}
	values := regexp.MustCompile("(?s)```yaml\n(# fleet-values.yaml\n.*?)```").FindSubmatch(page)
	if values == nil {
		t.Fatal("the page has no values")
	}
	fleet, err := render(t, string(values[1]))
	if err != nil {
		t.Fatal(err)
	}
	secrets := 0
	for _, v := range fleet["StatefulSet backup"].at("spec", "template", "spec", "volumes").([]any) {
		name := v.(object).text("secret", "secretName")
		if name == "" {
			continue
		}
		secrets++
		if made := regexp.MustCompile(`kubectl -n backup create secret (generic|tls) ` + name + ` `); !made.Match(page) {
			t.Errorf("the page does not make the Secret %s", name)
		}
	}
	if secrets != 5 {
		t.Errorf("the pods need %d Secrets", secrets)
	}
	if settings := fleet["ConfigMap backup"].text("data", "syncline.yaml"); !strings.Contains(settings, "- 10.0.0.0/8\n") {
		t.Errorf("settings: %s", settings)
	}
}

const fleetValues = `
replicaCount: 3
database: {existingSecret: syncline-database, connections: 8}
secretKey: {existingSecret: syncline-key}
tls: {existingSecret: certificate}
config: {trusted-proxy: [10.0.0.0/8], history-count: 1000000}
`

const fullValues = `
administrator: {password: a long password}
secretKey: {base64: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}
tls: {existingSecret: certificate}
metrics: {enabled: true, serviceMonitor: {enabled: true, labels: {release: prometheus}}}
persistence: {existingClaim: claim}
config: {trusted-proxy: [10.0.0.0/8], history-count: 1000000, deny-private-endpoints: true}
service: {type: LoadBalancer, port: 443, annotations: {a: b}}
image: {pullSecrets: [{name: registry}]}
resources: {requests: {memory: 512Mi}}
nodeSelector: {disk: fast}
tolerations: [{key: backup, operator: Exists}]
podLabels: {team: storage}
extraVolumes: [{name: repositories, nfs: {server: nas, path: /restic}}]
extraVolumeMounts: [{name: repositories, mountPath: /srv/restic, readOnly: true}]
`

// restricted holds a pod to the rules of Kubernetes' Pod Security Standard "restricted",
// and to what the server needs.
func restricted(t *testing.T, set object) {
	t.Helper()
	pod := set.at("spec", "template", "spec").(object)
	for path, want := range map[string]any{
		"automountServiceAccountToken":                          false,
		"enableServiceLinks":                                    false,
		"securityContext.runAsNonRoot":                          true,
		"securityContext.runAsUser":                             65532,
		"securityContext.fsGroupChangePolicy":                   "OnRootMismatch",
		"securityContext.seccompProfile.type":                   "RuntimeDefault",
		"hostNetwork":                                           nil,
		"hostPID":                                               nil,
		"containers.1":                                          nil,
		"containers.0.args.0":                                   "serve",
		"containers.0.readinessProbe.httpGet.path":              "/readyz",
		"containers.0.livenessProbe.httpGet.path":               "/healthz",
		"containers.0.startupProbe.httpGet.scheme":              "HTTPS",
		"containers.0.securityContext.privileged":               nil,
		"containers.0.securityContext.allowPrivilegeEscalation": false,
		"containers.0.securityContext.readOnlyRootFilesystem":   true,
		"containers.0.securityContext.capabilities.drop.0":      "ALL",
		"containers.0.securityContext.capabilities.add":         nil,
	} {
		var keys []any
		for key := range strings.SplitSeq(path, ".") {
			if key == "0" || key == "1" {
				keys = append(keys, int(key[0]-'0'))
			} else {
				keys = append(keys, key)
			}
		}
		if got := pod.at(keys...); got != want {
			t.Errorf("%s is %v, not %v", path, got, want)
		}
	}
	// Each mount has its volume.
	volumes := map[string]bool{}
	for _, v := range pod.at("volumes").([]any) {
		volumes[v.(object).text("name")] = true
	}
	if set.at("spec", "volumeClaimTemplates") != nil {
		volumes[set.text("spec", "volumeClaimTemplates", 0, "metadata", "name")] = true
	}
	for _, m := range pod.at("containers", 0, "volumeMounts").([]any) {
		if name := m.(object).text("name"); !volumes[name] {
			t.Errorf("there is no volume %s", name)
		}
	}
}

// settingsAreRight has the program itself read the settings of the chart. Files that only
// the pod has are not there.
func settingsAreRight(t *testing.T, settings string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "syncline.yaml")
	settings = regexp.MustCompile(`(?m)^(secret-key-file|tls-cert|tls-key|data): .*\n`).ReplaceAllString(settings, "")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(release(t), "container", runtime.GOARCH, "usr/bin/syncline")
	if said := output(t, program, "config", "show", file); !strings.Contains(said, "1000000") || !strings.Contains(said, "10.0.0.0/8") {
		t.Error(said)
	}
}

// TestChartRefuses gives the chart values that it must name.
func TestChartRefuses(t *testing.T) {
	for values, want := range map[string]string{
		"replicaCount: 0":                                  "'/replicaCount'",
		"replicaCount: 2":                                  "replicaCount above 1 needs database.existingSecret",
		"database: {existingSecret: a}":                    "a database needs secretKey",
		"database: {url: postgres://a}":                    "'url' not allowed",
		"database: {connections: 2}":                       "'/database/connections'",
		"config: {database: postgres://a}":                 "config.database is set by the chart itself",
		"volume: {size: 1Gi}":                              "'volume' not allowed",
		"service: {port: https}":                           "'/service/port': got string, want integer",
		"service: {type: ExternalName}":                    "'/service/type'",
		"secretKey: {base64: c2hvcnQ=}":                    "'/secretKey/base64'",
		"persistence: {accessModes: [ReadWriteMany]}":      "'/persistence/accessModes/0'",
		"metrics: {port: 80}":                              "'/metrics/port'",
		"metrics: {serviceMonitor: {enabled: true}}":       "metrics.serviceMonitor.enabled needs metrics.enabled",
		"config: {data: /elsewhere}":                       "config.data is set by the chart itself",
		"extraVolumeMounts: [{name: a, mountPaht: /a}]":    "'/extraVolumeMounts/0'",
		"extraVolumes: [{name: a, nfs: {servers: nas}}]":   `unknown field "servers"`,
		"administrator: {password: 12345678901234567}":     "'/administrator/password'",
		"image: {repository: ''}":                          "'/image/repository'",
		"tolerations: [{key: a, operator: E, effects: x}]": "unknown field",
		"{replicaCount: 2, database: {existingSecret: a}, secretKey: {existingSecret: b}, persistence: {existingClaim: c}}": "takes no persistence.existingClaim",
	} {
		if _, err := render(t, values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q is not in: %.500v", values, want, err)
		}
	}
}
