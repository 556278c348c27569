package knowledge

import (
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		"The replicas are lagging!":           "replica lag",
		"KubePodCrashLooping":                 "kubepodcrashlooping kube pod crash loop",
		"HTTPServer 2XX":                      "httpserver http server 2xx",
		"pg_stat_activity":                    "pg_stat_activity pg stat activ",
		"ORA-01555 and WAL-G":                 "ora-01555 ora 01555 wal",
		"备库延迟":                                "备库 库延 延迟",
		"看 lag 值":                             "看 lag 值",
		"PVCs":                                "pvcs",
		"café Straße":                         "café straße",
		"node1.east:5432":                     "node1 east 5432",
		"":                                    "",
		strings.Repeat("a", 65):               "",
		"don't":                               "",
		"etcdGRPCRequestsSlow":                "etcdgrpcrequestsslow etcd grpc request slow",
		"x_" + strings.Repeat("_", 3) + "end": "end",
	} {
		var got []string
		wordsOf(in, func(w string) { got = append(got, formsOf(w)...) })
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestFold(t *testing.T) {
	for _, same := range [][2]string{{"KubeAPIDown", "kube-api-down"}, {"`Disk Full`", "disk_full"}} {
		if fold(same[0]) != fold(same[1]) {
			t.Errorf("%q and %q are different names", same[0], same[1])
		}
	}
	for in, want := range map[string]string{"https://x.example/runbooks/KubeAPIDown.md": "kubeapidown", "https://x.example/all#disk-full": "diskfull", "": "", "::": "",
		"https://x.example/a/b/": "b"} {
		if got := pageOf(in); got != want {
			t.Errorf("page of %q: %q, want %q", in, got, want)
		}
	}
}
