// Every setting of the server: its variable, kind, default, range and effect. `readSettings` reads by this table, and the
// table in docs/configuration.md is made from it.
import { tierRequestsPerMinute } from '@keyhold/contract'
import { hasFailpoints } from '../migration/engine/has-failpoints.ts'
import { failpointForm } from './failpoint-form.ts'
import { forms } from './forms.ts'
import { orCredential, secret } from './secret-setting.ts'
import { inLowerCaseToo, integerSetting, noSetting, setting } from './setting.ts'

const keyCacheTtlSeconds = integerSetting('KEYHOLD_KEY_CACHE_TTL_SECONDS', {
  byDefault: 60,
  min: 0,
  max: 3_600,
  changes: 'any time; the longest of all replicas counts for a revocation',
  effect:
    'How long a key may be used after the start of the last call to its KMS that succeeded. It limits the time that a revocation takes, and the outage of a KMS that Keyhold can bridge. With 0 every request asks the KMS.',
})

const requests = { min: 0, max: 10_000_000 }

const bodyBudgetMib = integerSetting('KEYHOLD_BODY_BUDGET_MIB', {
  byDefault: 64,
  min: 32,
  max: 65_536,
  effect:
    'How many MiB of request bodies this replica reads and answers at the same time. A body takes up to eight times its length in memory. Other bodies wait unread for up to five seconds, and then get 503 (`ERR_SERVER_BUSY`). Bodies up to 16 KiB are not counted. A body that has room must arrive in 1.5 seconds and one for each 16 MiB, while bodies of other tenants wait for that room; else it ends with 408 (`ERR_REQUEST_TIMEOUT`).',
})

export const settingTable = {
  host: setting('KEYHOLD_HOST', forms.host, {
    byDefault: '127.0.0.1',
    effect:
      'The address on which the server listens; `localhost` is 127.0.0.1. On another one than loopback it needs [TLS](tls.md), or `KEYHOLD_ALLOW_PLAIN_HTTP`.',
  }),
  port: integerSetting('KEYHOLD_PORT', {
    byDefault: 8180,
    min: 0,
    max: 65_535,
    effect: 'The port to listen on; 0 takes a free one.',
  }),
  replicas: setting('KEYHOLD_REPLICAS', forms.replicas, {
    byDefault: '1',
    effect:
      'How many [replicas](configuration.md#replicas-of-one-machine) `keyhold-server serve` starts, each a process of its own, which share the port; `auto`: as many as there are processors to use, if the system can share ports and PostgreSQL has room for their connections. `serve --replicas` says the same, and counts first. All other commands, and `dev`, do not look at it.',
  }),
  allowPlainHttp: setting('KEYHOLD_ALLOW_PLAIN_HTTP', forms.flag, {
    byDefault: 'false',
    effect:
      'Whether the API and the metrics may be served without TLS on another address than loopback. Set it only where something else encrypts what leaves the machine, such as a proxy or a mesh. The listener for probes is always plain.',
  }),
  tlsCertificateFile: orCredential(
    setting('KEYHOLD_TLS_CERTIFICATE_FILE', forms.text('a file'), {
      byDefault: undefined,
      unset: 'none: the credential `KEYHOLD_TLS_CERTIFICATE` of systemd if there is one, else no TLS',
      effect:
        'The certificate of the server in PEM, with those of its authorities behind it. With it and the next setting the API and the metrics speak [TLS](tls.md). All files of TLS are read again when they change, without a restart.',
    }),
    'KEYHOLD_TLS_CERTIFICATE',
  ),
  tlsKeyFile: orCredential(
    setting('KEYHOLD_TLS_KEY_FILE', forms.text('a file'), {
      byDefault: undefined,
      unset: 'none: the credential `KEYHOLD_TLS_KEY` of systemd if there is one',
      effect:
        'Its private key in PEM, without a passphrase. The file must not be readable for others; its group may read it.',
    }),
    'KEYHOLD_TLS_KEY',
  ),
  tlsMinVersion: setting('KEYHOLD_TLS_MIN_VERSION', forms.tlsVersion, {
    byDefault: '1.2',
    effect: 'The lowest version of TLS that clients may use.',
  }),
  tlsClientCaFile: setting('KEYHOLD_TLS_CLIENT_CA_FILE', forms.text('a file'), {
    byDefault: undefined,
    unset: 'none: clients are asked for no certificate',
    effect:
      'The certificates of the authorities of clients in PEM. With it clients are asked for a [certificate](tls.md#certificates-of-clients); one that these authorities did not issue is a 401.',
  }),
  tlsClientCrlFile: setting('KEYHOLD_TLS_CLIENT_CRL_FILE', forms.text('a file'), {
    byDefault: undefined,
    unset: 'none',
    effect:
      'The certificate revocation lists in PEM, one of each of these authorities. A list whose next update is overdue refuses all clients of its authority.',
  }),
  tlsClientCertificates: setting('KEYHOLD_TLS_CLIENT_CERTIFICATES', forms.oneOf(['optional', 'required']), {
    byDefault: undefined,
    unset: 'none: `optional`, where there is `KEYHOLD_TLS_CLIENT_CA_FILE`',
    effect: 'Whether each client must have such a certificate, besides its access token. Without one: 401.',
  }),
  issuersFile: setting('KEYHOLD_ISSUERS_FILE', forms.text('a file'), {
    byDefault: undefined,
    unset: 'none: API keys are the only callers',
    effect:
      'The file of issuers, in JSON: whose [JWTs](jwt.md), and which certificates of clients, name callers. It is read again when it changes. A file that cannot be used ends a start; later it changes nothing.',
  }),
  publicUrl: setting('KEYHOLD_PUBLIC_URL', forms.publicUrl, {
    byDefault: undefined,
    unset:
      'none: the name that a browser uses, over TLS of this server or on loopback; else there are no sessions in cookies',
    effect:
      'The URL under which browsers reach Keyhold, for [people who sign in](people.md): pages of no other origin may use their sessions. Set it where a proxy speaks TLS for Keyhold.',
  }),
  signInByApiKey: setting('KEYHOLD_SIGN_IN_BY_API_KEY', forms.flag, {
    byDefault: 'true',
    effect:
      'Whether an API key of a person may be [exchanged for a session](people.md#signing-in-with-an-api-key). Set it to `false` where people sign in with an identity provider.',
  }),
  privateHosts: setting('KEYHOLD_PRIVATE_HOSTS', forms.privateHosts, {
    byDefault: undefined,
    unset: 'none: the internet alone',
    effect:
      'Hosts of your own network that Keyhold may call where somebody names a URL, such as an issuer of JWTs, each with the network in which its address must lie. A host whose port is not 443 is listed with it.',
  }),
  nat64: setting('KEYHOLD_NAT64', forms.flag, {
    byDefault: 'false',
    effect:
      'Whether the network translates `64:ff9b::/96` to IPv4 (an IPv6-only cluster with DNS64). Then such an address counts as the IPv4 address in it where somebody names a URL; otherwise it is not called.',
  }),
  requestTimeoutSeconds: integerSetting('KEYHOLD_REQUEST_TIMEOUT_SECONDS', {
    byDefault: 30,
    min: 1,
    max: 3_600,
    effect:
      'A request must arrive completely within this time, or it is answered with 408, possibly some seconds later. 32 MiB in 30 seconds take 9 Mbit/s. A connection without any byte in either direction for four times as long is closed.',
  }),
  drainSeconds: integerSetting('KEYHOLD_DRAIN_SECONDS', {
    byDefault: 10,
    min: 0,
    max: 600,
    effect:
      'How long `keyhold-server serve` goes on serving after SIGTERM or SIGINT. `/readyz` answers 503 at once, so that proxies send no more requests. A second signal ends the waiting. What runs then is finished within nine seconds more.',
  }),
  tier1RequestsPerMinute: integerSetting('KEYHOLD_TIER_1_REQUESTS_PER_MINUTE', {
    byDefault: tierRequestsPerMinute[1],
    ...requests,
    effect:
      "How many requests a minute an API key may send to those of the original's ten routes that read (tier 1 in [the table of routes](api.md#routes)). More are answered with 429 `HTTP-429`. 0: no limit. See [rate limits](#rate-limits).",
  }),
  tier2RequestsPerMinute: integerSetting('KEYHOLD_TIER_2_REQUESTS_PER_MINUTE', {
    byDefault: tierRequestsPerMinute[2],
    ...requests,
    effect: "The same for those of the original's ten routes that write or act (tier 2). 0: no limit.",
  }),
  managementRequestsPerMinute: integerSetting('KEYHOLD_MANAGEMENT_REQUESTS_PER_MINUTE', {
    byDefault: 1_000,
    ...requests,
    effect:
      'How many requests a minute an API key, also one of an operator, may send to all other routes that manage something. 0: no limit.',
  }),
  tenantManagementRequestsPerMinute: integerSetting('KEYHOLD_TENANT_MANAGEMENT_REQUESTS_PER_MINUTE', {
    byDefault: 3_000,
    ...requests,
    effect:
      "How many requests a minute all API keys of a tenant together may send to routes that manage something, the original's ten routes included. 0: no limit.",
  }),
  dataRequestsPerSecond: integerSetting('KEYHOLD_DATA_REQUESTS_PER_SECOND', {
    byDefault: 1_000,
    ...requests,
    effect:
      'How many requests a second an API key may send to the routes that encrypt, decrypt and lease; one request may hold 1,000 values. A key for all tenants may send as many for each tenant. 0: no limit.',
  }),
  tenantDataRequestsPerSecond: integerSetting('KEYHOLD_TENANT_DATA_REQUESTS_PER_SECOND', {
    byDefault: 2_000,
    ...requests,
    effect:
      'How many requests a second all API keys together may send to these routes for one tenant. 0: no limit.',
  }),
  unknownKeysPerMinute: integerSetting('KEYHOLD_UNKNOWN_KEYS_PER_MINUTE', {
    byDefault: 100,
    ...requests,
    effect:
      'How many API keys that nobody has, and as many JWTs whose signature does not hold, an address may send a minute. Then API keys from this address that this replica has not yet seen are answered with 429 `ERR_TOO_MANY_UNKNOWN_KEYS`; keys that were valid before are not. An IPv6 network of 64 bits counts as one address. 0: no limit.',
  }),
  trustedProxies: setting('KEYHOLD_TRUSTED_PROXIES', forms.networks, {
    byDefault: undefined,
    unset: 'none: the address is that of the connection',
    effect:
      'The proxies in front of Keyhold. Behind them, the address of a client is the last one in `X-Forwarded-For` that is not in these networks. No other header is read. Set it if there are any: otherwise all clients have the address of the proxy.',
  }),
  maxConnections: integerSetting('KEYHOLD_CONNECTIONS', {
    byDefault: 2_000,
    min: 10,
    max: 100_000,
    effect:
      'How many connections clients may have to this replica, and half of them from one address that is no trusted proxy. One more is answered with 503 `ERR_SERVER_BUSY` and closed; a probe there is answered. Each takes a file descriptor, and so do as many that wait for their refusal.',
  }),
  bodyBudgetMib,
  tenantBodyBudgetMib: integerSetting('KEYHOLD_TENANT_BODY_BUDGET_MIB', {
    byDefault: 32,
    min: 32,
    max: bodyBudgetMib,
    effect:
      'The part of that budget that one tenant may use. Beyond it, its bodies wait (`ERR_TENANT_BUSY`).',
  }),
  dataDir: setting('KEYHOLD_DATA_DIR', forms.text('a folder'), {
    byDefault: '.keyhold',
    changes: 'with all that is in the folder, while no process uses it',
    effect:
      'It holds the root key (`root-key`), unless `KEYHOLD_ROOT_KEY_FILE` is set, and the embedded PostgreSQL. Keyhold creates it with mode 0700 if it is missing. One process uses it at a time. **Back it up, the root key above all.**',
  }),
  stateDir: setting('KEYHOLD_STATE_DIR', forms.text('a folder'), {
    byDefault: undefined,
    unset: 'none: the folder `state` in the data directory',
    changes: 'any time, together with what is in the folder',
    effect:
      'The folder for what is kept outside of the database, so that a database with other or older content is noticed: `signing-keys.json`, the public keys that sign and have signed, `audit-checkpoints.ndjson`, what it has signed about the [audit trail](audit.md#checkpoints), and `generations.log`, what it has verified of [generations](disaster-recovery.md#an-older-database). Each replica has its own, which lasts as long as the replica may come back. Keyhold creates it with mode 0700 if it is missing, and refuses one to which everybody may write (`ERR_STATE_FILE_INVALID`).',
  }),
  rootKeyFile: orCredential(
    setting('KEYHOLD_ROOT_KEY_FILE', forms.text('a file'), {
      byDefault: undefined,
      unset:
        'none: the credential `KEYHOLD_ROOT_KEY` of systemd if there is one, else `root-key` in the data directory',
      changes: 'the place at any time; the content only by `integrity adopt`',
      effect:
        'The root key file. `keyhold-server root-key create` makes one there. It must not be readable for others; its group may read it. **Back it up, apart from the database.**',
    }),
    'KEYHOLD_ROOT_KEY',
  ),
  databaseUrl: secret(
    setting('KEYHOLD_DATABASE_URL', forms.databaseUrl, {
      byDefault: undefined,
      unset: 'none: the embedded PostgreSQL',
      changes: 'any time for the same database; another one by a [restore](disaster-recovery.md#restore)',
      effect:
        'A PostgreSQL of your own, 14 or later, for example for several replicas. On another machine it needs `sslmode=verify-full` ([TLS](tls.md#to-the-database)). It may name [several hosts](configuration.md#several-replicas-and-a-database-that-fails-over), of which one takes changes. `fsync`, `full_page_writes` and `synchronous_commit` must not be off.',
    }),
    'KEYHOLD_DATABASE_URL_FILE',
  ),
  allowUnverifiedDatabase: setting('KEYHOLD_ALLOW_UNVERIFIED_DATABASE', forms.flag, {
    byDefault: 'false',
    effect:
      'Whether a PostgreSQL on another machine may be reached without TLS, or with TLS that does not verify its certificate and its name. See [TLS to the database](tls.md#to-the-database).',
  }),
  databaseConnections: integerSetting('KEYHOLD_DATABASE_CONNECTIONS', {
    byDefault: 10,
    min: 4,
    max: 500,
    effect:
      'How many connections to PostgreSQL this replica opens for requests and key jobs. One tenant gets three of ten at once. Seven more serve the queue of jobs, notifications and `/readyz`. All replicas together must stay below `max_connections` of PostgreSQL.',
  }),
  databaseWaitSeconds: integerSetting('KEYHOLD_DATABASE_WAIT_SECONDS', {
    byDefault: 0,
    min: 0,
    max: 3_600,
    effect:
      'How long `serve` and `migrate` wait for a PostgreSQL of your own that is away or still starting, before they end with `ERR_DATABASE_UNAVAILABLE`. A wrong password, a missing database and the like end them at once. 0: they do not wait, and whoever has started them starts them again.',
  }),
  readyWithoutDatabaseSeconds: integerSetting('KEYHOLD_READY_WITHOUT_DATABASE_SECONDS', {
    byDefault: 30,
    min: 0,
    max: 3_600,
    effect:
      'How long `/readyz` still answers 200 from the first question that the database does not answer. Meanwhile requests that need it get 503 `ERR_DATABASE_UNAVAILABLE` and `Retry-After`. All replicas miss a database at the same moment, and a load balancer that takes all of them out says less. 0: no longer than it answers.',
  }),
  keyCacheTtlSeconds,
  keyCacheMinTtlSeconds: integerSetting('KEYHOLD_KEY_CACHE_MIN_TTL_SECONDS', {
    byDefault: 5,
    min: 0,
    max: keyCacheTtlSeconds,
    effect:
      'The shortest time that a tenant may choose for itself (`keyhold settings set --key-cache-ttl`). A shorter time means more calls to the KMS, which the operator pays for.',
  }),
  keyCacheMib: integerSetting('KEYHOLD_KEY_CACHE_MIB', {
    byDefault: undefined,
    unset:
      'none: a quarter of the memory that the process may use, divided by the replicas of this machine, at least 64 and at most 1024',
    min: 1,
    max: 65_536,
    effect:
      'How much memory the keys that a replica holds may take, in MiB, for 512 entries each. A quarter is for tenant keys, one entry for each tenant in use; the rest is for data keys, up to two entries for each in use. When it is full, keys make room for others, and their next use asks the KMS or the database again. [Metrics](metrics.md) show it.',
  }),
  requireMultiRegion: setting('KEYHOLD_REQUIRE_MULTI_REGION', forms.flag, {
    byDefault: 'false',
    changes: 'any time, for later registrations',
    effect:
      'Keyhold refuses single-region keys at registration with `ERR_KEY_SINGLE_REGION`. It accepts keys that are registered already.',
  }),
  requireContextCondition: setting('KEYHOLD_REQUIRE_CONTEXT_CONDITION', forms.flag, {
    byDefault: 'false',
    changes: 'any time, for later registrations',
    effect:
      'At registration Keyhold refuses keys whose policy admits every tenant (`ERR_KEY_POLICY_TOO_WIDE`). With `false` it registers such a key with a warning.',
  }),
  drRegions: setting('KEYHOLD_DR_REGIONS', forms.drRegions, {
    byDefault: '',
    unset: 'none: any replica',
    effect:
      'The regions that stand in for a region that fails. A key is `drCompliant` when it works in all regions named for its own; without a pair, when it has replica keys and all of them work. When its own region fails, a key is used in these regions and in those where its replica keys were last seen.',
  }),
  backupRetentionDays: integerSetting('KEYHOLD_BACKUP_RETENTION_DAYS', {
    byDefault: 0,
    min: 0,
    max: 3_650,
    changes: 'any time, for versions that are retired later',
    effect:
      'How long a tenant key version is kept after the migration that retired it, so that an older backup of the database can be used with the key that protected it. 0 destroys it at once.',
  }),
  keyProbeSeconds: integerSetting('KEYHOLD_KEY_PROBE_SECONDS', {
    byDefault: 50,
    min: 1,
    max: 86_400,
    effect:
      "How often one replica probes a customer's key that is in use and answers, in every region. Where traffic has used the key meanwhile, only its state is read. This is how soon a change of a key without traffic is shown. A key that refuses or does not answer is probed every 30 seconds, or at this interval if it is shorter. Each probe of a key costs two calls in each region.",
  }),
  keyProbesPerSecond: integerSetting('KEYHOLD_KEY_PROBES_PER_SECOND', {
    byDefault: 300,
    min: 1,
    max: 10_000,
    effect:
      'How many probes of keys a replica begins per second at most, and as many as this run at once, up to 64. A probe is two calls in each region; it begins no more than an eighth of `KEYHOLD_KMS_REQUESTS_PER_SECOND`. Where keys are more than this allows, each is probed less often.',
  }),
  dataKeyMaxAgeDays: integerSetting('KEYHOLD_DATA_KEY_MAX_AGE_DAYS', {
    byDefault: 365,
    min: 1,
    max: 3_650,
    effect:
      'After this many days a data key does not encrypt any more: the next encryption under its name makes a new version. Old versions decrypt for ever. `reencrypt` brings old tokens under the new version.',
  }),
  maxKeyNames: integerSetting('KEYHOLD_MAX_KEY_NAMES', {
    byDefault: 10_000,
    min: 1,
    max: 1_000_000,
    effect:
      'How many key names a tenant may have, including those of blind indexes. More are refused with `ERR_KEY_NAME_QUOTA`. Leased data keys do not count.',
  }),
  maxLeases: integerSetting('KEYHOLD_MAX_LEASES', {
    byDefault: 10_000,
    min: 1,
    max: 1_000_000,
    effect:
      'How many leases of data keys a tenant may have running at a time, on each replica. A program has one for what it encrypts, one for each data key of what it decrypts, and one for each blind index. More are refused with `ERR_LEASE_QUOTA` until others end, at the latest after `KEYHOLD_KEY_CACHE_TTL_SECONDS`.',
  }),
  keyJobLeadSeconds: integerSetting('KEYHOLD_KEY_JOB_LEAD_SECONDS', {
    byDefault: 10,
    min: 2,
    max: 300,
    effect:
      'How long the lead of a key job lasts: after this time without a sign of life from the leading replica, another one goes on.',
  }),
  migrationThreads: integerSetting('KEYHOLD_MIGRATION_THREADS', {
    byDefault: 2,
    min: 1,
    max: 64,
    effect:
      'How many threads of a replica rewrap cipherkeys, for all its key jobs together. They start when there is work and end when there is none. On Linux they run at a lower priority than requests while there are any, and for two seconds after.',
  }),
  migrationRowsPerSecond: integerSetting('KEYHOLD_MIGRATION_ROWS_PER_SECOND', {
    byDefault: 0,
    min: 0,
    max: 1_000_000,
    effect:
      'How many cipherkeys per second a replica may copy and verify, for all its key jobs together. 0: no limit.',
  }),
  migrationTimeSharePercent: integerSetting('KEYHOLD_MIGRATION_TIME_SHARE_PERCENT', {
    byDefault: 100,
    min: 1,
    max: 100,
    effect: 'The share of the time in which the key jobs of a replica may work.',
  }),
  migrationYields: setting('KEYHOLD_MIGRATION_YIELDS', forms.flag, {
    byDefault: 'true',
    effect:
      'Whether key jobs give way to the data plane. While there are requests, key jobs work in short chunks, one at a time, for at most half of the time, and for less and less while they make replies slower.',
  }),
  tenantKeyMaxAgeDays: integerSetting('KEYHOLD_TENANT_KEY_MAX_AGE_DAYS', {
    byDefault: 365,
    min: 0,
    max: 3_650,
    effect:
      'After this many days a tenant key is rotated: it gets a new version under the same KEK, and all cipherkeys are brought under it. 0: never by itself.',
  }),
  auditCheckpointSeconds: integerSetting('KEYHOLD_AUDIT_CHECKPOINT_SECONDS', {
    byDefault: 60,
    min: 1,
    max: 86_400,
    effect:
      'How often a replica looks for chains of audit records that have grown, and signs [checkpoints](audit.md#checkpoints) of them. What a writer of the database takes away within this time may go unseen.',
  }),
  generationsSeconds: integerSetting('KEYHOLD_GENERATIONS_SECONDS', {
    byDefault: 15,
    min: 1,
    max: 3_600,
    effect:
      'How often a replica writes what it has verified of the generations of rows into its state folder, by which it notices an [older database](disaster-recovery.md#an-older-database) after a restart. It also does so when it stops. Locks, revoked API keys and minimum versions are written at once. What else was decided within this time before a crash may be undone by an older database unseen.',
  }),
  internalKmsName: setting('KEYHOLD_INTERNAL_KMS_NAME', forms.text('a text'), {
    byDefault: undefined,
    unset: "none: the wire's own name",
    changes: 'any time, for later tenants',
    effect: 'The name that the default key provider of a new tenant gets.',
  }),
  kmsEndpoint: setting('KEYHOLD_KMS_ENDPOINT', forms.endpoint, {
    byDefault: 'aws',
    changes: 'any time, if the same keys answer there',
    effect: 'The endpoint of AWS KMS for all regions. `aws` is the real one, in the region of each key ARN.',
  }),
  stsEndpoint: setting('KEYHOLD_STS_ENDPOINT', forms.endpoint, {
    byDefault: undefined,
    unset: 'none: as `KEYHOLD_KMS_ENDPOINT`',
    changes: 'any time, if the same roles answer there',
    effect:
      "The endpoint of AWS STS, for roles in customers' accounts. Set it to `aws` if `KEYHOLD_KMS_ENDPOINT` is an endpoint of KMS alone.",
  }),
  httpsProxy: inLowerCaseToo(
    secret(
      setting('HTTPS_PROXY', forms.proxy, {
        byDefault: undefined,
        unset: 'none: AWS is called directly',
        effect:
          'The proxy through which AWS KMS and AWS STS are called over TLS. Nothing on this machine is called through it. See [proxies](#proxies).',
      }),
      'HTTPS_PROXY_FILE',
    ),
  ),
  noProxy: inLowerCaseToo(
    setting(
      'NO_PROXY',
      forms.text(
        'names with their subdomains, addresses, networks as `10.0.0.0/8`, or `*`, each with `:port` if need be, separated by commas',
      ),
      {
        byDefault: undefined,
        unset: 'none',
        effect: 'What is called without the proxy, for example an endpoint of AWS KMS in your own network.',
      },
    ),
  ),
  kmsRequestsPerSecond: integerSetting('KEYHOLD_KMS_REQUESTS_PER_SECOND', {
    byDefault: 2_000,
    min: 0,
    max: 1_000_000,
    effect:
      'How many requests per second all replicas together may send to AWS KMS in each calling account and region; 0: no limit. Set it to the part of the quota of AWS that you want to use: each live replica takes an equal share. See [the budget](kms-usage.md).',
  }),
  kmsTenantSharePercent: integerSetting('KEYHOLD_KMS_TENANT_SHARE_PERCENT', {
    byDefault: 25,
    min: 1,
    max: 100,
    effect: 'The part of that limit that one tenant may use.',
  }),
  kmsDecryptReservePercent: integerSetting('KEYHOLD_KMS_DECRYPT_RESERVE_PERCENT', {
    byDefault: 50,
    min: 0,
    max: 90,
    effect:
      'The part of both that is kept for unwrapping tenant keys. New tenant keys use the rest. Tests, probes and plans leave half of the rest to new tenant keys.',
  }),
  kmsBudgetWaitSeconds: integerSetting('KEYHOLD_KMS_BUDGET_WAIT_SECONDS', {
    byDefault: 5,
    min: 0,
    max: 10,
    effect: 'How long a call may wait for the budget before it is answered with 503 `ERR_KMS_BUDGET`.',
  }),
  kmsMicroUsdPer10000: setting('KEYHOLD_KMS_USD_PER_10000_REQUESTS', forms.dollars, {
    byDefault: '0.03',
    effect: 'The price of 10,000 requests at AWS, for the estimates of [`usage/kms`](kms-usage.md).',
  }),
  awsPrincipals: setting('KEYHOLD_AWS_PRINCIPALS', forms.principals, {
    byDefault: undefined,
    unset: 'none: Keyhold asks AWS',
    changes: 'any time; customers put the new principals into their key policies first',
    effect:
      "The principals in the key policies that Keyhold prints. Set it if Keyhold's role has a path, which AWS does not report, or if replicas have different roles.",
  }),
  issuerUrl: setting('KEYHOLD_ISSUER_URL', forms.issuerUrl, {
    byDefault: undefined,
    unset: 'none: Keyhold signs no identity tokens',
    changes: "never, as soon as a customer's trust policy names it",
    effect:
      "Makes Keyhold [an issuer of identity tokens](issuer.md), with which it signs in at customers' clouds. Its two public pages are served below the path of this URL, and must be reachable from the internet under it.",
  }),
  kmsAccessKeyId: secret(
    setting('KEYHOLD_KMS_ACCESS_KEY_ID', forms.text('a text'), {
      byDefault: undefined,
      unset: 'none: the standard AWS chain',
      effect:
        "Keyhold's own credentials for AWS KMS; the next setting must be set too. Without them Keyhold looks where the AWS SDK does, and [reads again](configuration.md#credentials-for-aws) what has expired or changed.",
    }),
    'KEYHOLD_KMS_ACCESS_KEY_ID_FILE',
  ),
  kmsSecretAccessKey: secret(
    setting('KEYHOLD_KMS_SECRET_ACCESS_KEY', forms.text('a text'), {
      byDefault: undefined,
      unset: 'none: the standard AWS chain',
      effect: 'See above.',
    }),
    'KEYHOLD_KMS_SECRET_ACCESS_KEY_FILE',
  ),
  metricsPort: integerSetting('KEYHOLD_METRICS_PORT', {
    byDefault: undefined,
    unset: 'none: no listener',
    min: 0,
    max: 65_535,
    effect:
      'The port of a separate listener for [metrics](metrics.md), without authentication; 0 takes a free one.',
  }),
  metricsHost: setting('KEYHOLD_METRICS_HOST', forms.host, {
    byDefault: '127.0.0.1',
    effect: 'The address of that listener. Only the collector of metrics should reach it.',
  }),
  healthPort: integerSetting('KEYHOLD_HEALTH_PORT', {
    byDefault: undefined,
    unset: 'none: no listener',
    min: 0,
    max: 65_535,
    effect:
      'The port of a separate listener for `GET /livez` and `GET /readyz`, without authentication; 0 takes a free one. Both are answered on `KEYHOLD_PORT`, too.',
  }),
  healthHost: setting('KEYHOLD_HEALTH_HOST', forms.host, {
    byDefault: '127.0.0.1',
    effect: 'The address of that listener. Only whoever watches the replicas needs to reach it.',
  }),
  docsDir: setting('KEYHOLD_DOCS_DIR', forms.text('a folder'), {
    byDefault: undefined,
    unset: 'none: the package `@keyhold/docs`, if it is installed',
    effect:
      'The built documentation, which is served under `/docs`: the folder `dist` of that package. Without either, `/docs` answers 404 (`ERR_DOCS_NOT_INSTALLED`).',
  }),
  consoleDir: setting('KEYHOLD_CONSOLE_DIR', forms.text('a folder'), {
    byDefault: undefined,
    unset: 'none: the package `@keyhold/console`, if it is installed',
    effect:
      'The built console, which is served under `/console`: the folder `dist` of that package. Without either, `/console` answers 404 (`ERR_CONSOLE_NOT_INSTALLED`).',
  }),
  logLevel: setting(
    'KEYHOLD_LOG_LEVEL',
    forms.oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    { byDefault: 'info', effect: 'The log goes to standard output, one JSON object a line.' },
  ),
  armFailpoints: hasFailpoints
    ? setting('KEYHOLD_FAILPOINTS', failpointForm, {
        byDefault: undefined,
        effect:
          'Only for tests, and only in the repository: it stops, fails or delays a migration at a named point, or cuts all connections to the database there. The packages do not have this setting.',
      })
    : noSetting,
}
