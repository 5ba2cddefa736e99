// From an empty folder with an empty npm cache to the first value, by the packages alone: a server on one's own PostgreSQL, whose
// certificate is verified, a tenant, and a value through the CLI and through the SDK. Times each step.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import {
  debianPostgresPrograms,
  startDebianPostgres,
} from '../../../testkit/src/documents/debian-postgres.ts'
import { installedCommand, packPackages } from '../../../testkit/src/packages/install-packages.ts'
import { serveInProcess } from '../../../testkit/src/process/serve-in-process.ts'

const run = promisify(execFile)

export interface TimedStep {
  step: string
  seconds: number
}

const program = `import { createKeyholdClient } from '@keyhold/client'
const { KEYHOLD_URL: url, KEYHOLD_TOKEN: token } = process.env
const tenant = createKeyholdClient({ url, token }).tenant()
const value = await tenant.decrypt(await tenant.encrypt('by the SDK'))
console.log(new TextDecoder().decode(value))
`

/**
 * Needs Debian's postgresql and the registry of npm.
 *
 * @throws Error where a step fails, or a value comes back as another one
 */
export async function runFirstValue(say: (line: string) => void): Promise<TimedStep[]> {
  const programs = debianPostgresPrograms()
  if (programs === undefined) throw new Error("Install Debian's postgresql: there is none.")
  // PostgreSQL runs as a user of its own, who must be able to enter.
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-first-value-'))
  await run('chmod', ['755', folder])
  const steps: TimedStep[] = []
  const step = async <Result>(name: string, work: () => Promise<Result>): Promise<Result> => {
    say(name)
    const startMs = performance.now()
    const result = await work()
    steps.push({ step: name, seconds: Number(((performance.now() - startMs) / 1_000).toFixed(2)) })
    return result
  }
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  try {
    say('npm run pack')
    const tarballs = await packPackages(path.join(folder, 'tarballs'))
    const postgres = await startDebianPostgres(programs, path.join(folder, 'postgres'))
    closers.push(() => postgres.stop())

    const application = path.join(folder, 'application')
    await mkdir(application)
    const command = async (name: string, args: readonly string[], env: Record<string, string>) => {
      const { stdout } = await run(process.execPath, [installedCommand(application, name), ...args], {
        ...{ cwd: application, env: { PATH: process.env.PATH, ...env } },
      })
      return stdout.trim()
    }

    await step('npm install, with an empty cache', () =>
      run('npm', ['install', '--no-audit', '--no-fund', '--omit=optional', ...tarballs], {
        ...{ cwd: application, env: { ...process.env, npm_config_cache: path.join(folder, 'cache') } },
      }),
    )
    const password = encodeURIComponent(postgres.password)
    const database = `postgres://postgres:${password}@localhost:${postgres.port}/postgres`
    const settings = {
      KEYHOLD_DATABASE_URL: `${database}?sslmode=verify-full&sslrootcert=${encodeURIComponent(postgres.authority)}`,
      KEYHOLD_ROOT_KEY_FILE: path.join(application, 'root-key'),
      KEYHOLD_DATA_DIR: path.join(application, 'data'),
      KEYHOLD_PORT: '0',
    }
    await step('keyhold-server root-key create', () =>
      command('keyhold-server', ['root-key', 'create'], settings),
    )
    await step('keyhold-server migrate', () => command('keyhold-server', ['migrate'], settings))
    const server = serveInProcess({
      environment: settings,
      program: installedCommand(application, 'keyhold-server'),
    })
    closers.push(() => {
      server.kill('SIGTERM')
      return server.ended
    })
    const url = await step('keyhold-server serve, until it listens', () => server.listening)
    const operator = await step('keyhold-server create-operator-key', () =>
      command('keyhold-server', ['create-operator-key'], settings),
    )
    const asOperator = { KEYHOLD_URL: url, KEYHOLD_TOKEN: operator }
    await step('keyhold tenant create', () =>
      command('keyhold', ['tenant', 'create', '--name', 'Acme', '--id', 'acme'], asOperator),
    )
    const keyFile = path.join(application, 'service-token')
    await step('keyhold api-key create', () =>
      command(
        'keyhold',
        ['api-key', 'create', '--role', 'service', '--tenant', 'acme', '--key-file', keyFile],
        asOperator,
      ),
    )
    const asService = { KEYHOLD_URL: url, KEYHOLD_TOKEN: (await readFile(keyFile, 'utf8')).trim() }
    const valueFile = path.join(application, 'value')
    const tokenFile = path.join(application, 'token')
    await writeFile(valueFile, 'by the CLI')
    const decrypted = await step('keyhold encrypt and decrypt', async () => {
      const token = await command('keyhold', ['encrypt', '--value', '--file', valueFile], asService)
      await writeFile(tokenFile, token)
      return command('keyhold', ['decrypt', '--value', '--file', tokenFile], asService)
    })
    await writeFile(path.join(application, 'program.mjs'), program)
    const bySdk = await step('a program with the SDK', async () => {
      const { stdout } = await run(process.execPath, ['program.mjs'], {
        ...{ cwd: application, env: { PATH: process.env.PATH, ...asService } },
      })
      return stdout.trim()
    })
    for (const [is, must] of [
      [decrypted, 'by the CLI'],
      [bySdk, 'by the SDK'],
    ]) {
      if (is !== must) throw new Error(`A value comes back as ${JSON.stringify(is)}, and was ${must}.`)
    }
    return steps
  } finally {
    for (const close of closers.toReversed()) await close()
  }
}
