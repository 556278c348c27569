package storms

// symptom is something that monitoring notices, whatever it is called there.
type symptom string

// saying is how estates call a symptom: the names in use, how bad it usually is taken to be (1 critical,
// 2 warning, 3 information), and what the annotation says.
type saying struct {
	names []string
	level int
	text  string
}

// sayings are collected from the rules people publish and ship: the Kubernetes and node mixins, the usual
// exporters' rules, network and storage traps, clouds, Zabbix templates behind a gateway, and names made
// at home, in capitals or in Chinese.
func sayings() map[symptom]saying {
	return map[symptom]saying{
		"node_silent":    {[]string{"TargetDown", "InstanceDown", "NodeUnreachable", "Unavailable by ICMP ping", "StatusCheckFailed_Instance", "AGENT_NO_REPLY", "PingFailed", "HostDown", "主机不可达"}, 1, "{x} does not answer"},
		"probe_fails":    {[]string{"ProbeFailed", "BlackboxProbeFailed", "BlackboxProbeHttpFailure", "EndpointUnreachable", "UptimeCheckFailed", "HTTP_CHECK_CRITICAL", "SyntheticCheckFailing", "探测失败"}, 1, "probe of {x} fails"},
		"db_down":        {[]string{"PostgresqlDown", "MysqlDown", "OracleDown", "DatabaseInstanceUnavailable", "DB_NOT_OPEN", "PGInstanceDown", "MSSQL: Service is unavailable", "数据库宕机"}, 1, "database on {x} is down"},
		"db_refuses":     {[]string{"DatabaseConnectionErrors", "HikariPoolTimeouts", "JDBCConnectFailed", "AppCannotReachDatabase", "DB_CONN_REFUSED", "ConnectionPoolExhausted", "数据库连接失败"}, 1, "{x} gets no connection to its database"},
		"errors_5xx":     {[]string{"HighErrorRate", "HTTP5xxHigh", "HaproxyHighHttp5xxErrorRateBackend", "NginxHighHttp5xxErrorRate", "HTTPCode_Target_5XX_Count", "IngressHighErrorRate", "APP_ERRORS_HIGH", "错误率过高"}, 1, "more than 5 % of requests to {x} fail"},
		"slow":           {[]string{"HighRequestLatency", "NginxLatencyHigh", "TargetResponseTime", "LatencyP99High", "RESPONSE_TIME", "ServiceSlow", "SlowResponses", "响应时间过长"}, 2, "{x} answers slowly"},
		"business":       {[]string{"ErrorBudgetBurn", "SLOAvailabilityBurn", "TransactionRateZero", "BUSINESS_TXN_DROP", "OrdersDropped", "Transaction success rate is below 95%", "业务成功率下降"}, 1, "customers of {x} notice"},
		"repl_stopped":   {[]string{"PostgresqlReplicationStopped", "MysqlSlaveIoThreadNotRunning", "DataGuardApplyStopped", "ReplicationBroken", "REPLICA_NOT_STREAMING", "StandbyDisconnected", "主从同步中断"}, 1, "replication to {x} has stopped"},
		"repl_lags":      {[]string{"PostgresqlReplicationLag", "MysqlSlaveReplicationLag", "ReplicaLag", "RPOAtRisk", "DB_LAG", "ReplicationLagHigh", "主从延迟"}, 2, "{x} lags behind"},
		"mirror_broken":  {[]string{"SrdfPairSuspended", "SnapMirrorLagging", "HyperMetroPairFault", "RecoverPointGroupPaused", "ArrayReplicationSuspended", "TrueCopyPSUE"}, 1, "mirror of {x} is suspended"},
		"disk_full":      {[]string{"NodeFilesystemAlmostOutOfSpace", "HostOutOfDiskSpace", "FreeStorageSpaceLow", "Disk space is critically low", "DISK_FULL", "FilesystemFull", "NodeFilesystemSpaceExhausted", "磁盘空间不足"}, 1, "no space left on {x}"},
		"disk_filling":   {[]string{"NodeFilesystemSpaceFillingUp", "DiskWillFillIn4Hours", "HostDiskSpaceLow", "Disk space is low", "DISK_WARN", "VolumeNearlyFull"}, 2, "{x} will run out of space"},
		"write_fails":    {[]string{"PostgresqlCannotWrite", "DatabaseReadOnly", "MysqlWriteErrors", "CommitFailed", "DB_WRITE_ERROR", "WalArchiveFailing"}, 1, "writes on {x} fail"},
		"hypervisor":     {[]string{"VMwareHostNotResponding", "HypervisorDown", "ESXiHostDisconnected", "KubeNodeNotReady", "IPMIHostPowerOff", "HostConnectionLost", "NodeDown", "宿主机故障"}, 1, "host {x} is lost"},
		"vm_gone":        {[]string{"VmHeartbeatLost", "VirtualMachinePoweredOff", "KubePodNotReady", "GuestUnreachable", "VM_STATE_BAD", "ContainerGone"}, 1, "{x} is not running"},
		"array_fault":    {[]string{"StorageControllerFault", "NetAppAggregateOffline", "DoradoControllerFault", "PureArrayCritical", "DiskShelfFault", "STORAGE_POOL_DEGRADED", "EMCArrayFault", "存储控制器故障"}, 1, "storage array {x} reports a fault"},
		"lun_slow":       {[]string{"LUNLatencyCritical", "StorageLatencyHigh", "ArrayLatencyHigh", "VolumeLatency", "DatastoreLatencyHigh"}, 2, "volumes of {x} are slow"},
		"io_fails":       {[]string{"HostUnusualDiskWriteLatency", "NodeDiskIOSaturation", "FilesystemReadOnly", "NodeFilesystemDeviceError", "MultipathPathsDown", "SCSI_IO_ERRORS", "KubePersistentVolumeErrors", "磁盘IO错误"}, 1, "input and output on {x} fail or wait"},
		"db_waits":       {[]string{"PostgresqlSlowCommits", "MysqlInnodbLogWaits", "DatabaseLogFileSync", "CommitLatencyHigh", "DB_IO_WAIT"}, 2, "commits on {x} wait for the disk"},
		"link_down":      {[]string{"BGPPeerDown", "InterfaceDown", "DCILinkDown", "WANLinkDown", "LinkDown", "linkDown", "OSPFNeighborLost", "DirectConnectDown", "专线中断"}, 1, "{x} is down"},
		"site_loss":      {[]string{"CrossSitePacketLoss", "InterDCUnreachable", "BlackboxIcmpCrossSiteFailed", "TunnelDown", "Ping loss is too high", "SITE_PEER_LOST", "WANPacketLoss"}, 1, "{x} cannot be reached from the other site"},
		"quorum":         {[]string{"EtcdMembersDown", "GaleraClusterPartitioned", "ConsulMemberFailed", "MongodbReplicaMemberUnhealthy", "ClusterPeerUnreachable", "PACEMAKER_NODE_LOST"}, 2, "{x} lost a member of its cluster"},
		"cert_expired":   {[]string{"BlackboxSslCertificateExpired", "CertificateExpired", "SslCertExpired", "TLSCertificateInvalid", "CERT_EXPIRED", "SSL certificate is invalid", "证书已过期"}, 1, "the certificate of {x} has expired"},
		"handshake":      {[]string{"TLSHandshakeErrors", "SslHandshakeFailing", "TLSErrorsHigh", "HaproxySslErrors", "X509_VERIFY_FAILED"}, 1, "handshakes with {x} fail"},
		"cpu":            {[]string{"HostHighCpuLoad", "NodeCPUHighUsage", "CPUThrottlingHigh", "CPUUtilization", "CPU_LOAD", "Load average is too high", "CPU使用率过高"}, 2, "processors of {x} are busy"},
		"memory":         {[]string{"HostOutOfMemory", "NodeMemoryHighUtilization", "MemoryPressure", "Lack of available memory", "MEM_HIGH"}, 2, "{x} is short of memory"},
		"queue_grows":    {[]string{"QueueDepthHigh", "KafkaConsumerLag", "RabbitmqTooManyMessagesInQueue", "MQ_DEPTH", "BacklogGrowing", "消息积压"}, 2, "the queue of {x} grows"},
		"saturated":      {[]string{"TooManyConnections", "PostgresqlTooManyConnections", "HaproxyBackendMaxActiveSession", "ThreadPoolExhausted", "RequestsThrottled", "SESSION_LIMIT", "MysqlTooManyConnections"}, 1, "{x} has no room for more"},
		"traffic":        {[]string{"RequestRateUnusual", "TrafficSpike", "RequestCountAnomaly", "LoadTooHigh", "HPA_AT_MAX", "KubeHpaMaxedOut"}, 2, "far more requests than usual for {x}"},
		"cache_down":     {[]string{"RedisDown", "MemcachedDown", "CacheUnavailable", "REDIS_NO_REPLY", "RedisMissingMaster"}, 1, "cache on {x} is down"},
		"backend_down":   {[]string{"HaproxyServerDown", "HaproxyBackendDown", "NginxUpstreamDown", "F5PoolMemberDown", "UnHealthyHostCount", "LB_MEMBER_DOWN"}, 1, "{x} lost a backend"},
		"restarts":       {[]string{"KubePodCrashLooping", "ContainerRestarting", "SystemdServiceFailed", "ServiceFlapping", "PROC_RESTART", "HostSystemdServiceCrashed"}, 2, "{x} keeps restarting"},
		"rollout":        {[]string{"KubeDeploymentReplicasMismatch", "KubeDeploymentRolloutStuck", "ArgoCdAppDegraded", "DeploymentUnhealthy", "RELEASE_FAILED"}, 2, "the new version on {x} does not get ready"},
		"exceptions":     {[]string{"UnhandledExceptions", "ErrorLogRate", "LogErrorsSpike", "NullPointerRate", "APP_EXCEPTION", "SentryIssueSpike"}, 2, "{x} writes many errors to its log"},
		"power":          {[]string{"UPSOnBattery", "PDUInputLost", "UpsInputVoltageLost", "HighTemperature", "CRACUnitFailed", "POWER_FEED_LOST", "机房断电"}, 1, "power or cooling at {x}"},
		"switch_down":    {[]string{"SwitchUnreachable", "TorSwitchDown", "SNMPTargetDown", "Cisco IOS: No SNMP data collection", "SW_DOWN"}, 1, "switch {x} does not answer"},
		"backup":         {[]string{"BackupFailed", "RmanBackupLate", "VeleroBackupFailed", "BACKUP_LATE", "PgBackrestFailed"}, 2, "backup of {x} failed"},
		"clock":          {[]string{"NodeClockSkewDetected", "NTPOffset", "ClockNotSynchronising", "TIME_DRIFT", "HostClockSkew"}, 2, "the clock of {x} is off"},
		"job":            {[]string{"BatchJobFailed", "KubeJobFailed", "EndOfDayLate", "CRON_FAILED", "JobRunningTooLong"}, 2, "a job on {x} failed"},
		"dns_fails":      {[]string{"DNSLookupFailed", "CoreDNSErrorsHigh", "NameResolutionFailing", "DNS_TIMEOUT", "ResolverTimeouts"}, 1, "{x} cannot resolve names"},
		"scrape_gap":     {[]string{"PrometheusTargetMissing", "MetricsMissing", "No data from agent", "NODATA", "ScrapeSlow"}, 3, "no metrics of {x}"},
		"cert_soon":      {[]string{"CertificateExpiresSoon", "BlackboxSslCertificateWillExpireSoon", "CERT_30D", "SSL certificate expires soon"}, 3, "the certificate of {x} expires in weeks"},
		"network_errors": {[]string{"HostNetworkReceiveErrors", "NodeNetworkTransmitErrs", "IfErrorsHigh", "PACKET_DROPS", "NetworkInterfaceErrors"}, 3, "the network card of {x} counts errors"},
		"slow_queries":   {[]string{"MysqlSlowQueries", "PostgresqlLongRunningQuery", "SlowQueryRate", "SQL_SLOW", "LongTransactions"}, 3, "slow queries on {x}"},
	}
}
