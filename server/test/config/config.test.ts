// Every setting: its name, what it is without being set, what it may be, and what is said of anything else.
import { expect, test } from 'vitest'
import { readConfig, type Config } from '../../src/config.ts'

const kmsBudget = {
  requestsPerSecond: 2_000,
  tenantSharePercent: 25,
  decryptReservePercent: 50,
  waitSeconds: 5,
}

test('without any variable, these are the settings', () => {
  expect(readConfig({})).toEqual({
    host: '127.0.0.1',
    port: 8180,
    requestTimeoutSeconds: 30,
    dataDir: '.keyhold',
    databaseUrl: undefined,
    keyCacheTtlSeconds: 60,
    keyCacheMinTtlSeconds: 5,
    maxKeyNames: 10_000,
    dataKeyMaxAgeDays: 365,
    keyProbeSeconds: 300,
    requireMultiRegion: false,
    requireContextCondition: false,
    drRegions: new Map(),
    stsEndpoint: undefined,
    awsPrincipals: undefined,
    backupRetentionDays: 0,
    migrationLeaseSeconds: 10,
    migrationThreads: 2,
    migrationRowsPerSecond: 0,
    migrationTimeSharePercent: 100,
    migrationYields: true,
    tenantKeyMaxAgeDays: 365,
    internalKmsName: undefined,
    kmsEndpoint: undefined,
    kmsBudget,
    kmsMicroUsdPer10000: 30_000,
    kmsCredentials: undefined,
    metricsHost: '127.0.0.1',
    metricsPort: undefined,
    logLevel: 'info',
    armFailpoints: undefined,
  } satisfies Config)
})

const good: [variable: string, value: string, setting: Partial<Config>][] = [
  ['KEYHOLD_HOST', '0.0.0.0', { host: '0.0.0.0' }],
  ['KEYHOLD_PORT', '0', { port: 0 }],
  ['KEYHOLD_PORT', '65535', { port: 65_535 }],
  ['KEYHOLD_REQUEST_TIMEOUT_SECONDS', '1', { requestTimeoutSeconds: 1 }],
  ['KEYHOLD_REQUEST_TIMEOUT_SECONDS', '3600', { requestTimeoutSeconds: 3_600 }],
  ['KEYHOLD_DATA_DIR', '/var/lib/keyhold', { dataDir: '/var/lib/keyhold' }],
  ['KEYHOLD_DATABASE_URL', 'postgres://u:p@h/d', { databaseUrl: 'postgres://u:p@h/d' }],
  ['KEYHOLD_DATABASE_URL', 'postgresql://h/d', { databaseUrl: 'postgresql://h/d' }],
  ['KEYHOLD_KEY_CACHE_TTL_SECONDS', '0', { keyCacheTtlSeconds: 0, keyCacheMinTtlSeconds: 0 }],
  ['KEYHOLD_KEY_CACHE_TTL_SECONDS', '3600', { keyCacheTtlSeconds: 3_600 }],
  ['KEYHOLD_KEY_CACHE_MIN_TTL_SECONDS', '0', { keyCacheMinTtlSeconds: 0 }],
  ['KEYHOLD_KEY_CACHE_MIN_TTL_SECONDS', '60', { keyCacheMinTtlSeconds: 60 }],
  ['KEYHOLD_MAX_KEY_NAMES', '1', { maxKeyNames: 1 }],
  ['KEYHOLD_MAX_KEY_NAMES', '1000000', { maxKeyNames: 1_000_000 }],
  ['KEYHOLD_KEY_PROBE_SECONDS', '1', { keyProbeSeconds: 1 }],
  ['KEYHOLD_KEY_PROBE_SECONDS', '86400', { keyProbeSeconds: 86_400 }],
  ['KEYHOLD_DATA_KEY_MAX_AGE_DAYS', '1', { dataKeyMaxAgeDays: 1 }],
  ['KEYHOLD_DATA_KEY_MAX_AGE_DAYS', '3650', { dataKeyMaxAgeDays: 3_650 }],
  ['KEYHOLD_REQUIRE_MULTI_REGION', 'true', { requireMultiRegion: true }],
  ['KEYHOLD_REQUIRE_MULTI_REGION', 'false', { requireMultiRegion: false }],
  ['KEYHOLD_REQUIRE_CONTEXT_CONDITION', 'true', { requireContextCondition: true }],
  ['KEYHOLD_DR_REGIONS', 'eu-west-1:eu-west-3', { drRegions: new Map([['eu-west-1', ['eu-west-3']]]) }],
  [
    'KEYHOLD_DR_REGIONS',
    'us-east-1:us-west-2, eu-west-1:eu-west-3,eu-west-1:eu-central-1',
    {
      drRegions: new Map([
        ['us-east-1', ['us-west-2']],
        ['eu-west-1', ['eu-west-3', 'eu-central-1']],
      ]),
    },
  ],
  ['KEYHOLD_STS_ENDPOINT', 'aws', { stsEndpoint: 'aws' }],
  ['KEYHOLD_STS_ENDPOINT', 'https://sts.example.com', { stsEndpoint: 'https://sts.example.com' }],
  [
    'KEYHOLD_AWS_PRINCIPALS',
    'arn:aws:iam::111111111111:role/service/keyhold, arn:aws:iam::111111111111:root',
    { awsPrincipals: ['arn:aws:iam::111111111111:role/service/keyhold', 'arn:aws:iam::111111111111:root'] },
  ],
  ['KEYHOLD_BACKUP_RETENTION_DAYS', '3650', { backupRetentionDays: 3_650 }],
  ['KEYHOLD_MIGRATION_LEASE_SECONDS', '2', { migrationLeaseSeconds: 2 }],
  ['KEYHOLD_MIGRATION_LEASE_SECONDS', '300', { migrationLeaseSeconds: 300 }],
  ['KEYHOLD_MIGRATION_THREADS', '1', { migrationThreads: 1 }],
  ['KEYHOLD_MIGRATION_THREADS', '64', { migrationThreads: 64 }],
  ['KEYHOLD_MIGRATION_ROWS_PER_SECOND', '1000000', { migrationRowsPerSecond: 1_000_000 }],
  ['KEYHOLD_MIGRATION_TIME_SHARE_PERCENT', '1', { migrationTimeSharePercent: 1 }],
  ['KEYHOLD_MIGRATION_YIELDS', 'false', { migrationYields: false }],
  ['KEYHOLD_TENANT_KEY_MAX_AGE_DAYS', '0', { tenantKeyMaxAgeDays: 0 }],
  ['KEYHOLD_TENANT_KEY_MAX_AGE_DAYS', '3650', { tenantKeyMaxAgeDays: 3_650 }],
  ['KEYHOLD_INTERNAL_KMS_NAME', 'Our KMS', { internalKmsName: 'Our KMS' }],
  ['KEYHOLD_KMS_REQUESTS_PER_SECOND', '0', { kmsBudget: { ...kmsBudget, requestsPerSecond: 0 } }],
  ['KEYHOLD_KMS_TENANT_SHARE_PERCENT', '100', { kmsBudget: { ...kmsBudget, tenantSharePercent: 100 } }],
  ['KEYHOLD_KMS_DECRYPT_RESERVE_PERCENT', '0', { kmsBudget: { ...kmsBudget, decryptReservePercent: 0 } }],
  ['KEYHOLD_METRICS_HOST', '0.0.0.0', { metricsHost: '0.0.0.0' }],
  ['KEYHOLD_METRICS_PORT', '9464', { metricsPort: 9_464 }],
  ['KEYHOLD_METRICS_PORT', '0', { metricsPort: 0 }],
  ['KEYHOLD_KMS_USD_PER_10000_REQUESTS', '0', { kmsMicroUsdPer10000: 0 }],
  ['KEYHOLD_KMS_USD_PER_10000_REQUESTS', '12.000001', { kmsMicroUsdPer10000: 12_000_001 }],
  ['KEYHOLD_KMS_BUDGET_WAIT_SECONDS', '10', { kmsBudget: { ...kmsBudget, waitSeconds: 10 } }],
  ['KEYHOLD_KMS_ENDPOINT', 'aws', { kmsEndpoint: undefined }],
  ['KEYHOLD_KMS_ENDPOINT', 'http://127.0.0.1:4566', { kmsEndpoint: 'http://127.0.0.1:4566' }],
  ['KEYHOLD_KMS_ENDPOINT', 'https://kms.example.com', { kmsEndpoint: 'https://kms.example.com' }],
  ['KEYHOLD_LOG_LEVEL', 'silent', { logLevel: 'silent' }],
  ['KEYHOLD_LOG_LEVEL', 'trace', { logLevel: 'trace' }],
]

test.each(good)('%s=%s is taken', (variable, value, setting) => {
  expect(readConfig({ [variable]: value })).toEqual({ ...readConfig({}), ...setting })
})

function refusal(environment: Record<string, string>): unknown {
  try {
    return readConfig(environment)
  } catch (error) {
    return error
  }
}

const bad: Record<string, string[]> = {
  KEYHOLD_DR_REGIONS: [
    'eu-west-1',
    'eu-west-1:',
    'eu-west-1:eu-moon-1',
    'eu-west-1:eu-west-1',
    'eu-west-1:eu-west-3:eu-west-2',
    'eu-west-1:eu-west-3,',
    'eu-west-1:eu-west-3,eu-west-1:eu-west-3',
    'eu-west-1.evil.com:eu-west-3',
  ],
  KEYHOLD_REQUIRE_CONTEXT_CONDITION: ['yes', '1'],
  KEYHOLD_STS_ENDPOINT: ['sts', 'ftp://sts', 'http://'],
  KEYHOLD_AWS_PRINCIPALS: [
    '*',
    '111111111111',
    'arn:aws:sts::111111111111:assumed-role/x/y',
    'arn:aws:iam::111111111111:role/x,',
    'arn:aws:iam::11111111111:root',
    'arn:aws:iam::111111111111:role/*',
  ],
  KEYHOLD_PORT: ['-1', '65536', '80a', '0x50', '8 0', '1e3', '80.5', '９'],
  KEYHOLD_REQUEST_TIMEOUT_SECONDS: ['0', '3601', '1.5', 'never'],
  KEYHOLD_DATABASE_URL: ['mysql://u:s3cret@h/d', 'h/d', 'POSTGRES', '/run/postgresql'],
  KEYHOLD_KEY_CACHE_TTL_SECONDS: ['-1', '3601', 'never', 'Infinity', '99999999999999999999'],
  KEYHOLD_KEY_CACHE_MIN_TTL_SECONDS: ['-1', '61', 'never'],
  KEYHOLD_REQUIRE_MULTI_REGION: ['1', 'yes', 'TRUE', 'true '],
  KEYHOLD_BACKUP_RETENTION_DAYS: ['-1', '3651', '1d'],
  KEYHOLD_KEY_PROBE_SECONDS: ['0', '86401', 'often'],
  KEYHOLD_DATA_KEY_MAX_AGE_DAYS: ['0', '3651', 'never'],
  KEYHOLD_MAX_KEY_NAMES: ['0', '1000001', 'many'],
  KEYHOLD_MIGRATION_LEASE_SECONDS: ['0', '1', '301'],
  KEYHOLD_KMS_REQUESTS_PER_SECOND: ['-1', '1000001', '2e3'],
  KEYHOLD_KMS_TENANT_SHARE_PERCENT: ['0', '101', '25%'],
  KEYHOLD_KMS_DECRYPT_RESERVE_PERCENT: ['-1', '91'],
  KEYHOLD_KMS_USD_PER_10000_REQUESTS: ['-1', '.25', '0.0000001', '0,03', '$0.03', '1e3'],
  KEYHOLD_METRICS_PORT: ['-1', '65536', 'none'],
  KEYHOLD_KMS_BUDGET_WAIT_SECONDS: ['11', '1.5'],
  KEYHOLD_KMS_ENDPOINT: ['AWS', '127.0.0.1:4566', 'ftp://h', 'http://', 'file:///etc/passwd'],
  KEYHOLD_KMS_ACCESS_KEY_ID: ['AKIAALONE'],
  KEYHOLD_KMS_SECRET_ACCESS_KEY: ['secret-alone'],
  KEYHOLD_LOG_LEVEL: ['verbose', 'INFO', 'constructor'],
  KEYHOLD_FAILPOINTS: [
    'nowhere=kill',
    'migration.verify.before=explode',
    'migration.verify.before=kill:5',
    'migration.verify.before',
  ],
}

test.each(
  Object.entries(bad).flatMap(([variable, values]) => values.map((value) => [variable, value] as const)),
)('%s=%s is refused by the name of the variable and without its value', (variable, value) => {
  const error = refusal({ [variable]: value })
  expect(error).toMatchObject({ code: 'ERR_CONFIG_INVALID' })
  expect(String(error)).toMatch(new RegExp(`\\b${variable}\\b`))
  if (value.length > 2) expect(String(error)).not.toContain(value)
})

test('an empty variable is the same as none, so that no address or directory becomes empty', () => {
  const names = [...good.map(([variable]) => variable), ...Object.keys(bad)]
  expect(readConfig(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(readConfig({}))
})

test('credentials for the KMS are taken as a pair', () => {
  const environment = { KEYHOLD_KMS_ACCESS_KEY_ID: 'id', KEYHOLD_KMS_SECRET_ACCESS_KEY: 'secret' }
  expect(readConfig(environment).kmsCredentials).toEqual({ accessKeyId: 'id', secretAccessKey: 'secret' })
})

test('credentials of the environment’s AWS tools, such as a customer’s, are not read', () => {
  const environment = {
    AWS_ACCESS_KEY_ID: 'customer',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:1',
  }
  expect(readConfig(environment)).toEqual(readConfig({}))
})

test('failpoints are read', async () => {
  const said: string[] = []
  const failpoint = readConfig({ KEYHOLD_FAILPOINTS: 'migration.verify.before=throw@2' }).armFailpoints?.({
    cut: () => undefined,
    announce: ({ name }) => said.push(name),
  })
  await failpoint?.('migration.verify.before')
  await expect((async () => failpoint?.('migration.verify.before'))()).rejects.toThrow(
    'migration.verify.before',
  )
  expect(said).toEqual(['migration.verify.before'])
})
