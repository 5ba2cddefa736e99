// One command line of `keyhold-server`: it serves, creates an API key for an operator, or looks at the database. It touches
// no process, so that tests can run it in theirs.
import { KeyholdError } from '@keyhold/core'
import { parseArgs } from 'node:util'
import { saveCompileCache, useCompileCache } from './compile-cache.ts'
import { usage, usageOf } from './command-usage.ts'
import { unknownOptions } from './command-options.ts'
import { reportFailure } from './report-failure.ts'
import type { SupervisedReplicas } from './supervisor/start-replicas.ts'
import { nameUsedPort } from './settings/name-used-port.ts'
import { readDevSettings } from './settings/read-dev-settings.ts'
import { processEnvironment, readSettings, type Settings } from './settings/read-settings.ts'
import type { Environment } from './settings/setting.ts'

const faultsFound = 3
const stopNeeded = 3
const maxAtOnce = 100

/** A server, or several replicas. */
export type Served = SupervisedReplicas

export interface Shell {
  /** Default: that of the process. */
  environment?: Record<string, string | undefined>
  stdout: (text: string) => void
  stderr: (text: string) => void
  /** Gets the server before its URL is printed: whoever reads the URL may send a signal at once. */
  onServing: (server: Served) => void
  /** Reads the standard input to its end. Undefined: there is none. */
  readInput?: () => Promise<string>
  /** Asks a person. Undefined: there is nobody who could be asked. */
  ask?: (question: string) => Promise<string | undefined>
}

/**
 * Answers the exit code; undefined: a server runs, until somebody stops it.
 *
 * @throws only where Keyhold itself is wrong
 */
export async function runCommand(args: readonly string[], shell: Shell): Promise<number | undefined> {
  try {
    return await run(args, shell)
  } catch (error) {
    return reportFailure(error, shell.stderr)
  }
}

async function run(args: readonly string[], shell: Shell): Promise<number | undefined> {
  const { key, others } = takeKey(args)
  const { positionals, values, tokens } = parseArgs({
    args: others,
    allowPositionals: true,
    tokens: true,
    options: {
      name: { type: 'string', default: 'operator' },
      integrity: { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
      output: { type: 'string' },
      'at-once': { type: 'string', default: '2' },
      'serve-role': { type: 'string' },
      replicas: { type: 'string' },
      accept: { type: 'string' },
      'expires-in': { type: 'string', default: '90' },
      days: { type: 'string', default: '90' },
      now: { type: 'boolean', default: false },
      from: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    shell.stdout(usage)
    return 0
  }
  const given = tokens.flatMap((token) => (token.kind === 'option' ? [token.name] : []))
  const [unknown] = unknownOptions(positionals.join(' '), given)
  if (unknown !== undefined && positionals.length > 0) {
    shell.stderr(`keyhold-server: "${positionals.join(' ')}" has no option --${unknown}.\n${usage}`)
    return 2
  }
  const { accept } = values
  if (accept !== undefined) {
    if (positionals.join(' ') !== 'doctor' || !values.integrity || key === undefined) {
      shell.stderr(usage)
      return 2
    }
    const { acceptRows } = await import('./wiring/commands/adoption/accept-rows.ts')
    const isAccepted = await acceptRows(
      readSettings(shell.environment),
      accept,
      key,
      operatorOf(shell, values.yes),
    )
    return isAccepted ? 0 : 1
  }
  const [first, second, folder, ...beyond] = positionals
  if (first === 'issuer' && second === 'export' && folder !== undefined && beyond.length === 0) {
    const { exportIssuer } = await import('./wiring/commands/issuer-commands.ts')
    const files = await exportIssuer(readSettings(shell.environment), folder)
    shell.stdout(files.map((file) => `${file}\n`).join(''))
    return 0
  }
  switch (positionals.join(' ')) {
    case 'serve':
      return serve(shell, values.replicas)
    case 'dev':
      await startDev(shell)
      return undefined
    case 'root-key create': {
      const { createRootKey } = await import('./wiring/commands/create-root-key.ts')
      const { file, id } = await createRootKey(readSettings(shell.environment))
      shell.stdout(`${file}\n`)
      shell.stderr(
        `Root key ${id}. Back the file up, apart from the database, and copy it to each replica. Without it everything that the internal KMS protects is lost for ever.\n`,
      )
      return 0
    }
    case 'migrate': {
      const { migrateDatabase } = await import('./wiring/commands/migrate-database.ts')
      const ran = await migrateDatabase(readSettings(shell.environment), values['serve-role'])
      shell.stdout(ran.length === 0 ? 'The schema is up to date.\n' : ran.map((name) => `${name}\n`).join(''))
      return 0
    }
    case 'upgrade-check': {
      const { checkUpgrade } = await import('./wiring/commands/check-upgrade.ts')
      const { isRolling, lines } = await checkUpgrade(readSettings(shell.environment))
      shell.stdout(lines.map((line) => `${line}\n`).join(''))
      return isRolling ? 0 : stopNeeded
    }
    case 'check-config':
      return checkConfig(shell, values.json)
    case 'create-operator-key': {
      const expiresIn = values['expires-in'] === 'none' ? 'none' : daysOf(values['expires-in'])
      if (expiresIn === undefined) break
      const { createOperatorKey } = await import('./wiring/commands/create-operator-key.ts')
      const token = await createOperatorKey(readSettings(shell.environment), values.name, expiresIn)
      shell.stdout(`${token}\n`)
      return 0
    }
    case 'unused-api-keys': {
      const days = daysOf(values.days)
      if (days === undefined) break
      const { listUnusedApiKeys } = await import('./wiring/commands/list-unused-api-keys.ts')
      const lines = await listUnusedApiKeys(readSettings(shell.environment), days)
      shell.stdout(lines.map((line) => `${line}\n`).join(''))
      return 0
    }
    case 'doctor': {
      if (!values.integrity) return doctor(shell, values)
      const { examineIntegrity } = await import('./wiring/commands/examine-integrity.ts')
      const { lines, notes } = await examineIntegrity(readSettings(shell.environment))
      shell.stdout(lines.map((line) => `${line}\n`).join(''))
      shell.stderr(notes.map((note) => `${note}\n`).join(''))
      if (lines.length > 0) return faultsFound
      shell.stderr('No row contradicts another one, the audit trail or its MAC.\n')
      return 0
    }
    case 'jwt explain': {
      const { explainJwt } = await import('./wiring/issuers/explain-jwt.ts')
      const token = (await shell.readInput?.()) ?? ''
      const { isAccepted, lines } = await explainJwt(readSettings(shell.environment), token)
      shell.stdout(lines.map((line) => `${line}\n`).join(''))
      return isAccepted ? 0 : 1
    }
    case 'signing-key rotate': {
      const { rotateKey } = await import('./wiring/commands/rotate-signing-key.ts')
      const isRotated = await rotateKey(readSettings(shell.environment), operatorOf(shell, values.yes))
      if (isRotated) return 0
      shell.stderr('Nothing was changed.\n')
      return 1
    }
    case 'issuer check': {
      const { checkIssuer } = await import('./wiring/commands/issuer-commands.ts')
      const problems = await checkIssuer(readSettings(shell.environment))
      shell.stdout(problems.map((problem) => `${problem}\n`).join(''))
      return problems.length === 0 ? 0 : faultsFound
    }
    case 'issuer rotate': {
      const { rotateIssuer } = await import('./wiring/commands/issuer-commands.ts')
      const settings = readSettings(shell.environment)
      if (await rotateIssuer(settings, values.now, operatorOf(shell, values.yes))) return 0
      shell.stderr('Nothing was changed.\n')
      return 1
    }
    case 'confirm-restore': {
      const { confirmRestore } = await import('./wiring/commands/restore/confirm-restore.ts')
      const isConfirmed = await confirmRestore(readSettings(shell.environment), {
        ...operatorOf(shell, values.yes),
        from: values.from,
      })
      return isConfirmed ? 0 : 1
    }
    case 'integrity adopt': {
      const { adoptIntegrity } = await import('./wiring/commands/adoption/adopt-integrity.ts')
      const isRequired = await adoptIntegrity(readSettings(shell.environment), {
        ...operatorOf(shell, values.yes),
        output: values.output,
      })
      if (isRequired) return 0
      shell.stderr('Nothing was required: MACs are still optional.\n')
      return 1
    }
    case 'integrity rotate': {
      const atOnce = Number(values['at-once'])
      if (!Number.isInteger(atOnce) || atOnce < 1 || atOnce > maxAtOnce) break
      const { rotateIntegrity } = await import('./wiring/commands/adoption/rotate-integrity.ts')
      const { tell, say } = operatorOf(shell, false)
      return (await rotateIntegrity(readSettings(shell.environment), { atOnce, tell, say })) ? 0 : 1
    }
    default:
      break
  }
  if (first !== undefined) {
    const words = positionals.join(' ')
    shell.stderr(
      `keyhold-server: "${words}" is no command, or lacks a value, or has one that cannot be used.\n`,
    )
  }
  shell.stderr(usageOf(first))
  return 2
}

const maxDays = 3_650

function daysOf(text: string): number | undefined {
  const days = Number(text)
  return /^[1-9]\d*$/.test(text) && days <= maxDays ? days : undefined
}

/** Takes the key behind `--accept TABLE` out of the arguments: ids of tenants may begin with "-", as options do. */
function takeKey(args: readonly string[]): { key: string | undefined; others: string[] } {
  const at = args.indexOf('--accept')
  if (at < 0) return { key: undefined, others: [...args] }
  return { key: args[at + 2], others: args.toSpliced(at + 2, 1) }
}

function operatorOf(shell: Shell, yes: boolean) {
  return {
    tell: (line: string) => {
      shell.stdout(`${line}\n`)
    },
    say: (line: string) => {
      shell.stderr(`${line}\n`)
    },
    confirm: (question: string) => confirm(shell, yes, question),
  }
}

async function confirm(shell: Shell, yes: boolean, question: string): Promise<boolean> {
  if (yes) return true
  const answer = await shell.ask?.(`${question} Type "yes": `)
  if (answer === undefined) {
    throw new KeyholdError('ERR_CONFIG_INVALID', {
      message: 'The command asks a person: run it in a terminal, or confirm with --yes.',
    })
  }
  return answer.trim() === 'yes'
}

/** Says all that is wrong at once, where a start names the first. */
async function checkConfig(shell: Shell, isJson: boolean): Promise<number> {
  const { describeFileProblems, describeProblems, describeSettings } =
    await import('./wiring/commands/described-settings.ts')
  const environment = shell.environment ?? processEnvironment()
  const settings = describeSettings(environment)
  const ofSettings = describeProblems(environment)
  const problems = ofSettings.length > 0 ? ofSettings : await describeFileProblems(environment)
  if (isJson) shell.stdout(`${JSON.stringify({ settings, problems })}\n`)
  else {
    for (const { name, value, source } of settings) shell.stdout(`${name}=${value}  (${source})\n`)
    for (const problem of problems) shell.stderr(`keyhold-server: ${problem} (ERR_CONFIG_INVALID)\n`)
  }
  return problems.length === 0 ? 0 : 2
}

async function doctor(shell: Shell, { strict, json }: { strict: boolean; json: boolean }): Promise<number> {
  const { examineInstallation, linesOf } = await import('./wiring/commands/doctor/examine-installation.ts')
  const checks = await examineInstallation(shell.environment ?? processEnvironment())
  const isHealthy = checks.every(({ status }) => status === 'ok' || (status === 'warn' && !strict))
  const lines = json ? [JSON.stringify({ isHealthy, checks })] : linesOf(checks)
  shell.stdout(lines.map((line) => `${line}\n`).join(''))
  return isHealthy ? 0 : 1
}

/** @param replicas - of the option; undefined: the setting says it */
async function serve(
  { environment: given = processEnvironment(), stderr, onServing }: Shell,
  replicas: string | undefined,
): Promise<number | undefined> {
  const environment = replicas === undefined ? given : { ...given, KEYHOLD_REPLICAS: replicas }
  const settings = readSettings(environment)
  useCompileCache(settings.dataDir)
  const server = await startServing(settings, environment).catch((error: unknown) => {
    nameUsedPort(error, settings)
    throw error
  })
  if ('exitCode' in server) return server.exitCode
  onServing(server)
  stderr(`Keyhold listens on ${server.boundUrl}\n${server.uses}\n`)
  saveCompileCache()
  return undefined
}

/** A single replica needs no supervisor. */
async function startServing(settings: Settings, environment: Environment) {
  if (settings.replicas !== 1) {
    const { startSeveral } = await import('./supervisor/start-several.ts')
    const several = await startSeveral(settings, environment)
    if (several !== undefined) return several
  }
  const { startServer } = await import('./main.ts')
  return startServer(settings)
}

async function startDev({ environment = processEnvironment(), stdout, onServing }: Shell): Promise<void> {
  const devSettings = readDevSettings(environment)
  useCompileCache(devSettings.settings.dataDir)
  const { startEverything } = await import('./dev/start-everything.ts')
  onServing(
    await startEverything(devSettings, stdout).catch((error: unknown) => {
      nameUsedPort(error, devSettings.settings)
      throw error
    }),
  )
  saveCompileCache()
}
