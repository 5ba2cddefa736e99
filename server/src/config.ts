// The settings of the server, all from the environment, all read here and nowhere else.
import { isKeyholdError, KeyholdError } from '@keyhold/core'
import { armFailpoints, parseFailpoints, type ArmFailpoints } from './migration/engine/failpoint.ts'
import { parseDrRegions } from './parse-dr-regions.ts'
import { parseUsd } from './parse-usd.ts'

export interface Config {
  host: string
  port: number
  /** Within this time a request arrives whole. */
  requestTimeoutSeconds: number
  dataDir: string
  /** Undefined: the embedded PostgreSQL. */
  databaseUrl: string | undefined
  /** What holds for tenants that choose nothing, and the most that they can choose. */
  keyCacheTtlSeconds: number
  /** The least that a tenant can choose; at most `keyCacheTtlSeconds`. */
  keyCacheMinTtlSeconds: number
  /** How many key names a tenant may have. */
  maxKeyNames: number
  /** After this many days a data key encrypts no more, and its name gets a new version. */
  dataKeyMaxAgeDays: number
  requireMultiRegion: boolean
  /** Whether keys are refused whose policy admits every tenant. */
  requireContextCondition: boolean
  /** Which regions stand in for which, in order. */
  drRegions: ReadonlyMap<string, readonly string[]>
  /** How often a key in use is tried that answers. */
  keyProbeSeconds: number
  backupRetentionDays: number
  /** After this long without a sign of life from its leader, a migration is led by another replica. */
  migrationLeaseSeconds: number
  /** How many threads of this replica rewrap cipherkeys. */
  migrationThreads: number
  /** 0: no limit. */
  migrationRowsPerSecond: number
  /** 1 to 100. */
  migrationTimeSharePercent: number
  /** Whether key jobs give way to the data plane. */
  migrationYields: boolean
  /** After this many days a tenant key is rotated; 0: never. */
  tenantKeyMaxAgeDays: number
  /** Undefined: the original's name. */
  internalKmsName: string | undefined
  /** Undefined: AWS itself. */
  kmsEndpoint: string | undefined
  /** What this replica may ask of AWS KMS, and how long a call waits for it. */
  kmsBudget: {
    /** In each calling account and region. 0: no limit. */
    requestsPerSecond: number
    /** 1 to 100. */
    tenantSharePercent: number
    /** 0 to 90. */
    decryptReservePercent: number
    waitSeconds: number
  }
  /** What AWS charges for 10,000 requests, in millionths of a dollar. */
  kmsMicroUsdPer10000: number
  /** `aws`: AWS itself; undefined: where AWS KMS is. */
  stsEndpoint: string | undefined
  /** Undefined: who AWS says that Keyhold is. */
  awsPrincipals: readonly string[] | undefined
  /** Undefined: the AWS SDK's standard chain. */
  kmsCredentials: { accessKeyId: string; secretAccessKey: string } | undefined
  metricsHost: string
  /** Undefined: no listener for metrics. */
  metricsPort: number | undefined
  logLevel: string
  /** Undefined: there are none. */
  armFailpoints: ArmFailpoints | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/**
 * Reads the settings.
 *
 * @throws KeyholdError `ERR_CONFIG_INVALID`, naming the variable, never its value
 */
export function readConfig(environment: Environment = process.env): Config {
  return {
    host: readText(environment, 'KEYHOLD_HOST') ?? '127.0.0.1',
    port: readInteger(environment, 'KEYHOLD_PORT', { byDefault: 8180, min: 0, max: 65_535 }),
    requestTimeoutSeconds: readInteger(environment, 'KEYHOLD_REQUEST_TIMEOUT_SECONDS', {
      byDefault: 30,
      min: 1,
      max: 3_600,
    }),
    dataDir: readText(environment, 'KEYHOLD_DATA_DIR') ?? '.keyhold',
    databaseUrl: readDatabaseUrl(environment),
    ...readKeyCacheTtl(environment),
    maxKeyNames: readInteger(environment, 'KEYHOLD_MAX_KEY_NAMES', {
      byDefault: 10_000,
      min: 1,
      max: 1_000_000,
    }),
    dataKeyMaxAgeDays: readInteger(environment, 'KEYHOLD_DATA_KEY_MAX_AGE_DAYS', {
      byDefault: 365,
      min: 1,
      max: 3_650,
    }),
    requireMultiRegion: readBoolean(environment, 'KEYHOLD_REQUIRE_MULTI_REGION'),
    requireContextCondition: readBoolean(environment, 'KEYHOLD_REQUIRE_CONTEXT_CONDITION'),
    drRegions: readDrRegions(environment),
    keyProbeSeconds: readInteger(environment, 'KEYHOLD_KEY_PROBE_SECONDS', {
      byDefault: 300,
      min: 1,
      max: 86_400,
    }),
    backupRetentionDays: readInteger(environment, 'KEYHOLD_BACKUP_RETENTION_DAYS', {
      byDefault: 0,
      min: 0,
      max: 3_650,
    }),
    migrationLeaseSeconds: readInteger(environment, 'KEYHOLD_MIGRATION_LEASE_SECONDS', {
      byDefault: 10,
      min: 2,
      max: 300,
    }),
    migrationThreads: readInteger(environment, 'KEYHOLD_MIGRATION_THREADS', {
      byDefault: 2,
      min: 1,
      max: 64,
    }),
    migrationRowsPerSecond: readInteger(environment, 'KEYHOLD_MIGRATION_ROWS_PER_SECOND', {
      byDefault: 0,
      min: 0,
      max: 1_000_000,
    }),
    migrationTimeSharePercent: readInteger(environment, 'KEYHOLD_MIGRATION_TIME_SHARE_PERCENT', {
      byDefault: 100,
      min: 1,
      max: 100,
    }),
    migrationYields: readBoolean(environment, 'KEYHOLD_MIGRATION_YIELDS', true),
    tenantKeyMaxAgeDays: readInteger(environment, 'KEYHOLD_TENANT_KEY_MAX_AGE_DAYS', {
      byDefault: 365,
      min: 0,
      max: 3_650,
    }),
    internalKmsName: readText(environment, 'KEYHOLD_INTERNAL_KMS_NAME'),
    kmsEndpoint: readKmsEndpoint(environment),
    kmsBudget: readKmsBudget(environment),
    kmsMicroUsdPer10000: readUsd(environment, 'KEYHOLD_KMS_USD_PER_10000_REQUESTS', '0.03'),
    stsEndpoint: readStsEndpoint(environment),
    awsPrincipals: readAwsPrincipals(environment),
    kmsCredentials: readKmsCredentials(environment),
    metricsHost: readText(environment, 'KEYHOLD_METRICS_HOST') ?? '127.0.0.1',
    metricsPort:
      readText(environment, 'KEYHOLD_METRICS_PORT') === undefined
        ? undefined
        : readInteger(environment, 'KEYHOLD_METRICS_PORT', { byDefault: 0, min: 0, max: 65_535 }),
    logLevel: readLogLevel(environment),
    armFailpoints: readFailpoints(environment),
  }
}

/** An empty variable is as good as none: that is what a line `NAME=` in an environment file means. */
function readText(environment: Environment, name: string): string | undefined {
  const text = environment[name]
  return text === '' ? undefined : text
}

function invalid(name: string, expected: string): KeyholdError {
  return new KeyholdError('ERR_CONFIG_INVALID', { message: `${name} expects ${expected}.` })
}

function readInteger(
  environment: Environment,
  name: string,
  { byDefault, min, max }: { byDefault: number; min: number; max: number },
): number {
  const text = readText(environment, name)
  if (text === undefined) return byDefault
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : NaN
  if (!(value >= min && value <= max)) throw invalid(name, `a whole number from ${min} to ${max}`)
  return value
}

function readKeyCacheTtl(environment: Environment) {
  const keyCacheTtlSeconds = readInteger(environment, 'KEYHOLD_KEY_CACHE_TTL_SECONDS', {
    byDefault: 60,
    min: 0,
    max: 3_600,
  })
  const keyCacheMinTtlSeconds = readInteger(environment, 'KEYHOLD_KEY_CACHE_MIN_TTL_SECONDS', {
    byDefault: Math.min(5, keyCacheTtlSeconds),
    min: 0,
    max: keyCacheTtlSeconds,
  })
  return { keyCacheTtlSeconds, keyCacheMinTtlSeconds }
}

function readBoolean(environment: Environment, name: string, byDefault = false): boolean {
  const text = readText(environment, name) ?? String(byDefault)
  if (text === 'true') return true
  if (text === 'false') return false
  throw invalid(name, '"true" or "false"')
}

function readKmsEndpoint(environment: Environment): string | undefined {
  const text = readText(environment, 'KEYHOLD_KMS_ENDPOINT')
  if (text === undefined || text === 'aws') return undefined
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw invalid('KEYHOLD_KMS_ENDPOINT', 'a URL, or "aws"')
  return text
}

function readUsd(environment: Environment, name: string, byDefault: string): number {
  const micros = parseUsd(readText(environment, name) ?? byDefault)
  if (micros === undefined) throw invalid(name, 'dollars as 0.03, with up to six decimals')
  return micros
}

function readKmsBudget(environment: Environment): Config['kmsBudget'] {
  const read = (name: string, byDefault: number, min: number, max: number) =>
    readInteger(environment, name, { byDefault, min, max })
  return {
    requestsPerSecond: read('KEYHOLD_KMS_REQUESTS_PER_SECOND', 2_000, 0, 1_000_000),
    tenantSharePercent: read('KEYHOLD_KMS_TENANT_SHARE_PERCENT', 25, 1, 100),
    decryptReservePercent: read('KEYHOLD_KMS_DECRYPT_RESERVE_PERCENT', 50, 0, 90),
    waitSeconds: read('KEYHOLD_KMS_BUDGET_WAIT_SECONDS', 5, 0, 10),
  }
}

function readStsEndpoint(environment: Environment): string | undefined {
  const text = readText(environment, 'KEYHOLD_STS_ENDPOINT')
  if (text === undefined || text === 'aws') return text
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw invalid('KEYHOLD_STS_ENDPOINT', 'a URL, or "aws"')
  return text
}

function readDrRegions(environment: Environment): ReadonlyMap<string, readonly string[]> {
  const text = readText(environment, 'KEYHOLD_DR_REGIONS')
  if (text === undefined) return new Map()
  const regions = parseDrRegions(text)
  if (regions === undefined)
    throw invalid(
      'KEYHOLD_DR_REGIONS',
      'pairs of AWS regions as <region>:<region that stands in>, separated by commas',
    )
  return regions
}

// The partition is always aws: keys of another one are not accepted.
const principalForm = /^arn:aws:iam::[0-9]{12}:(root|(user|role)\/[A-Za-z0-9+=,.@_/-]{1,576})$/

function readAwsPrincipals(environment: Environment): string[] | undefined {
  const text = readText(environment, 'KEYHOLD_AWS_PRINCIPALS')
  if (text === undefined) return undefined
  const principals = text.split(',').map((each) => each.trim())
  if (!principals.every((each) => principalForm.test(each)))
    throw invalid('KEYHOLD_AWS_PRINCIPALS', 'ARNs of IAM roles or users, separated by commas')
  return principals
}

function readDatabaseUrl(environment: Environment): string | undefined {
  const text = readText(environment, 'KEYHOLD_DATABASE_URL')
  if (text === undefined) return undefined
  if (!/^postgres(ql)?:\/\//.test(text))
    throw invalid('KEYHOLD_DATABASE_URL', 'a URL that begins with postgres://')
  return text
}

function readKmsCredentials(environment: Environment): Config['kmsCredentials'] {
  const accessKeyId = readText(environment, 'KEYHOLD_KMS_ACCESS_KEY_ID')
  const secretAccessKey = readText(environment, 'KEYHOLD_KMS_SECRET_ACCESS_KEY')
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw invalid('KEYHOLD_KMS_ACCESS_KEY_ID', 'KEYHOLD_KMS_SECRET_ACCESS_KEY beside it, or neither')
  }
  return { accessKeyId, secretAccessKey }
}

function readLogLevel(environment: Environment): string {
  const level = readText(environment, 'KEYHOLD_LOG_LEVEL') ?? 'info'
  if (!logLevels.includes(level)) throw invalid('KEYHOLD_LOG_LEVEL', `one of ${logLevels.join(', ')}`)
  return level
}

function readFailpoints(environment: Environment): ArmFailpoints | undefined {
  const text = readText(environment, 'KEYHOLD_FAILPOINTS')
  if (text === undefined) return undefined
  try {
    const failpoints = parseFailpoints(text)
    return (actions) => armFailpoints(failpoints, actions)
  } catch (error) {
    if (!isKeyholdError(error, 'ERR_CONFIG_INVALID')) throw error
    throw invalid('KEYHOLD_FAILPOINTS', 'known failpoints as name=action[@hit], separated by commas')
  }
}
