package alerts

import (
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/dr"
)

func TestResolve(t *testing.T) {
	topology := NewTopology(bank())
	for _, c := range []struct{ labels, want string }{
		{"node=ledger-db-e1", "node/ledger-db-e1"},
		{"instance=LEDGER-DB-E1:9100", "node/ledger-db-e1"},
		{"instance=https://ledger-db-e1.east.bank.example:8443/health?x=1", "node/ledger-db-e1"},
		{"target=ledger-db-e1.prod.internal.", "node/ledger-db-e1"},
		{"host=ledger-db1.east.bank.example", "node/ledger-db-e1"}, // an alias
		{"instance=10.1.0.19:9187", "node/ledger-db-e1"},
		{"ip=10.1.0.19", "node/ledger-db-e1"},
		{"vm_label=ledger-db-e1", "node/ledger-db-e1"},                                // a label nobody knows, with the very name
		{"instance=ledger-db site=west", "node/ledger-db-w1"},                         // namesakes, told apart by the site
		{"instance=ledger-db", "system/ledger"},                                       // namesakes of one system
		{"pod=ledger-db-e1-6c9f7d8b5d-4xk2p", "node/ledger-db-e1"},                    //
		{"instance=10.9.9.9:9100 system=ledger", "system/ledger"},                     // the address is nobody's
		{"instance=10.9.9.9:9100 service=payments dc=east", "system/payments"},        //
		{"instance=10.9.9.9:9100 datacenter=west", "site/west"},                       //
		{"esx_host=east-h1", "host/east-h1"},                                          //
		{"instance=east-h1:9100 site=east", "host/east-h1"},                           //
		{"instance=east-a1.storage.example", "array/east-a1"},                         //
		{"circuit=dci", "link/dci"},                                                   //
		{"link=dci instance=ledger-db-e1:9100 site=east", "link/dci"},                 // who noticed it is not what it is about
		{"link=eth0 instance=ledger-db-e1:9100", "node/ledger-db-e1"},                 // a link nobody wrote down
		{"node=ledger-app-e1 host=east-h3", "node/ledger-app-e1"},                     // both are right; the machine says more
		{"instance=prober-1 target=https://payments-app-w2/", "node/payments-app-w2"}, //
		{"site=east", "site/east"},
		{"team=payments", ""},             // a team is no system
		{"alertname=ledger-db-e1", ""},    //
		{"instance=east.example.com", ""}, // a domain that begins like a site
		{"instance=ledger-db-e11", ""},    // nearly is not the same
		{"node=ledger-db", "system/ledger"},
		{"instance=://:", ""},
		{"", ""},
	} {
		got, ok := topology.Resolve(labels(c.labels))
		if got.String() != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, want %q", c.labels, got, c.want)
		}
	}
}

func TestClasses(t *testing.T) {
	for want, names := range map[class]string{
		classDown:        "NodeDown InstanceDown TargetDown HostUnreachable KubeNodeNotReady BlackboxProbeFailed PostgresqlDown MysqlDown AllNodesDown PowerLost RedisDown HAProxyBackendDown SwitchmanNotReady AgentMissing",
		classIO:          "ArrayIOErrors MultipathPathDown NodeFilesystemReadOnly DiskLatencyHigh RaidDegraded StorageControllerFault FCLinkErrors DiskReadErrors",
		classReplication: "PostgresReplicationLag MySQLReplicationStopped ReplicationBroken StandbyBehind MysqlSlaveIoThreadNotRunning RPOAtRisk WalReceiverLag",
		classLink:        "InterconnectDown InterconnectLoss BGPSessionDown VPNTunnelDown PacketLossHigh LinkFlapping NetworkInterfaceErrors",
		classDisk:        "NodeFilesystemAlmostOutOfSpace FilesystemAlmostFull PostgresDiskFilling FilesystemOutOfInodes DiskFull KubePersistentVolumeFillingUp",
		classErrors:      "HighErrorRate HTTP5xxHigh ErrorBudgetBurn PostingFailing ErrorRateHigh",
		classLatency:     "HighRequestLatency SlowResponses ResponseTimeHigh P99LatencyHigh",
		classSaturation:  "HighCPULoad MemoryPressure TooManyConnections QueueBacklogHigh ContainerOOMKilled ThreadPoolExhausted CPUThrottlingHigh PaymentsOverloaded",
		classCertificate: "CertificateExpiresSoon SslCertificateExpired DNSSECSignatureExpiring TLSCertExpiry",
		classBackup:      "BackupMissing BackupVerifyFailed VeleroBackupFailed",
		classConfig:      "KubePodCrashLooping DeploymentStuck ConfigReloadFailed KubeDeploymentGenerationMismatch",
		classUnknown:     "TapeLibraryDoorOpen PrinterPaperJam Watchdog",
	} {
		for _, name := range strings.Fields(names) {
			if got := classOf(dr.Signal{Name: name}); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	}
	// The text is read where the name says nothing.
	if got := classOf(dr.Signal{Name: "R-4711", Annotations: map[string]string{"summary": "No standby is connected; replication has stopped."}}); got != classReplication {
		t.Errorf("by its text: %s", got)
	}
}

func FuzzResolve(f *testing.F) {
	topology := NewTopology(bank())
	for _, seed := range []string{"ledger-db-e1", "https://[::1]:99/x", "ledger-db", "10.1.0.19:1", "a-b-c-d-e", "://", "[", "İ", "\x00", "%zz://"} {
		f.Add("instance", seed, "site", "east")
	}
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		in := map[string]string{k1: v1, k2: v2}
		got, ok := topology.Resolve(in)
		if ok && topology.at(got.Scope, got.ID) == none || !ok && got != (dr.Entity{}) {
			t.Errorf("%v: %v %v", in, got, ok)
		}
		if again, _ := topology.Resolve(in); again != got {
			t.Errorf("%v: %v, then %v", in, got, again)
		}
		classOf(dr.Signal{Name: v1, Annotations: map[string]string{"summary": v2}})
	})
}
