// Command chart renders a Helm chart as "helm template" does, with Helm's own packages,
// and checks what comes out: each object must be one of its Kubernetes type, with no
// unknown field and no field twice. It needs no cluster and no network.
//
//	chart [-values FILE] DIRECTORY
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

const (
	release   = "backup"
	namespace = "storage"
)

// kinds makes an object of each kind that the chart may hold. Objects of other groups
// have no types here, and only their head is looked at.
var kinds = map[string]func() any{
	"v1/ConfigMap":                  func() any { return new(corev1.ConfigMap) },
	"v1/Secret":                     func() any { return new(corev1.Secret) },
	"v1/Service":                    func() any { return new(corev1.Service) },
	"apps/v1/StatefulSet":           func() any { return new(appsv1.StatefulSet) },
	"policy/v1/PodDisruptionBudget": func() any { return new(policyv1.PodDisruptionBudget) },
	"monitoring.coreos.com/v1/ServiceMonitor": func() any {
		return new(struct {
			metav1.TypeMeta   `json:",inline"`
			metav1.ObjectMeta `json:"metadata"`
			Spec              map[string]any `json:"spec"`
		})
	},
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("chart", flag.ContinueOnError)
	file := flags.String("values", "", "`file` with values")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("give the directory of one chart")
	}
	vals := map[string]any{}
	if *file != "" {
		var err error
		if vals, err = chartutil.ReadValuesFile(*file); err != nil {
			return err
		}
	}
	rendered, err := render(flags.Arg(0), vals)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		if err := check(name, rendered[name], out); err != nil {
			return err
		}
	}
	return nil
}

// render returns the text of each template.
func render(dir string, vals map[string]any) (map[string]string, error) {
	chart, err := loader.LoadDir(dir)
	if err != nil {
		return nil, err
	}
	options := chartutil.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, vals, options, nil)
	if err != nil {
		return nil, err
	}
	rendered, err := engine.Render(chart, all)
	if err != nil {
		return nil, err
	}
	for _, m := range lint.All(dir, vals, namespace, true).Messages {
		if m.Severity >= support.WarningSev {
			return nil, fmt.Errorf("lint: %w", m)
		}
	}
	return rendered, nil
}

// check checks the objects of one file, and prints them.
func check(file, text string, out io.Writer) error {
	if strings.HasSuffix(file, "NOTES.txt") || strings.HasSuffix(file, ".tpl") {
		return nil
	}
	for object := range strings.SplitSeq(text, "\n---") {
		if strings.TrimSpace(object) == "" {
			continue
		}
		var head metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(object), &head); err != nil {
			return fmt.Errorf("%s: %w\n%s", file, err, object)
		}
		name := head.APIVersion + "/" + head.Kind
		typed, ok := kinds[name]
		if !ok {
			return fmt.Errorf("%s: no type is known for %s", file, name)
		}
		if err := yaml.UnmarshalStrict([]byte(object), typed()); err != nil {
			return fmt.Errorf("%s: %s: %w\n%s", file, name, err, object)
		}
		if _, err := fmt.Fprintf(out, "---\n%s\n", strings.TrimSpace(object)); err != nil {
			return err
		}
	}
	return nil
}
