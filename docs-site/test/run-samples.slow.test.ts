// Somebody who copies each command of a page, from the first to the last, gets what the page says.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { debianPostgresPrograms, startDebianPostgres } from '../../testkit/src/documents/debian-postgres.ts'
import { runPage } from '../../testkit/src/documents/run-page.ts'
import { serverCommand } from '../../testkit/src/process/serve-in-process.ts'

const timeoutMs = 240_000
const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

function has(...programs: string[]): boolean {
  try {
    for (const program of programs) execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-page-'))
  closers.push(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** As `npm start`, with a shorter time for which keys are held. */
async function startDev(folder: string): Promise<void> {
  const dev: ChildProcess = spawn(process.execPath, [serverCommand, 'dev'], {
    cwd: folder,
    env: { PATH: process.env.PATH, KEYHOLD_PORT: '0', KEYHOLD_KEY_CACHE_TTL_SECONDS: '5' },
    stdio: 'ignore',
  })
  const ended = once(dev, 'exit')
  closers.push(async () => {
    dev.kill('SIGTERM')
    await ended
  })
  for (;;) {
    const env = await readFile(path.join(folder, '.keyhold/dev.env'), 'utf8').catch(() => '')
    const [, url = ''] = /^KEYHOLD_URL=(.+)$/m.exec(env) ?? []
    const isReady =
      url !== '' &&
      (await fetch(`${url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ))
    if (isReady) return
    if (dev.exitCode !== null) throw new Error('keyhold-server dev does not start')
    await sleep(200)
  }
}

const tools = has('bash', 'curl', 'jq')

test.skipIf(!tools).each(['README.md', 'docs/start.md', 'docs/tutorial.md'])(
  '%s (needs bash, curl and jq)',
  async (page) => {
    const folder = await emptyFolder()
    await startDev(folder)
    const { ran, replies } = await runPage({ page, folder, environment: {} })
    expect(ran).toBeGreaterThan(1)
    expect(replies.length).toBeGreaterThan(0)
    for (const { line, expected, actual } of replies) expect(actual, `line ${line}`).toEqual(expected)
  },
  timeoutMs,
)

const programs = debianPostgresPrograms()

test.skipIf(
  !tools || programs === undefined || !has('nginx', 'openssl', 'psql', 'pg_dump', 'prometheus', 'promtool'),
)(
  "docs/production.md (needs Debian's postgresql, nginx and prometheus, openssl, curl and jq)",
  async () => {
    const folder = await emptyFolder()
    await chmod(folder, 0o755)
    const postgres = await startDebianPostgres(programs ?? '', path.join(folder, 'postgres'))
    closers.push(() => postgres.stop())
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
        ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', 'tls.key', '-out', 'tls.crt'],
      ],
      { cwd: folder, stdio: 'ignore' },
    )
    closers.push(async () => {
      const pid = Number(await readFile(path.join(folder, 'nginx.pid'), 'utf8').catch(() => '0'))
      if (pid > 0) process.kill(pid, 'SIGTERM')
    })
    closers.push(async () => {
      const pid = Number(await readFile(path.join(folder, 'prometheus.pid'), 'utf8').catch(() => '0'))
      if (pid > 0) process.kill(pid, 'SIGTERM')
    })
    const { ran } = await runPage({
      page: 'docs/production.md',
      folder,
      environment: {
        ETC: path.join(folder, 'etc'),
        LIB: path.join(folder, 'lib'),
        PGHOST: 'localhost',
        PGPORT: String(postgres.port),
        PGUSER: 'postgres',
        PGPASSWORD: postgres.password,
        DATABASE_CA: postgres.authority,
        ALERTS: path.resolve('deploy/monitoring/alerts.yaml'),
      },
    })
    expect(ran).toBeGreaterThan(10)
  },
  // An alert waits for a minute before it fires.
  2 * timeoutMs,
)
