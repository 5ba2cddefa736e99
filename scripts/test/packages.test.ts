// The four packages, installed together in an empty folder: their commands run from JavaScript, and hold nothing that only
// tests use. `packages.slow.test.ts` tries them in the oldest and in the newest Node.js.
import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { databaseUrl, openTestPostgres, type TestPostgres } from '../../testkit/src/database/test-database.ts'
import {
  installedCommand,
  installPackages,
  packPackages,
} from '../../testkit/src/packages/install-packages.ts'
import { useInstalledPackages } from '../../testkit/src/packages/use-installed-packages.ts'
import { doseOf } from '../../testkit/src/statistics/dose-of.ts'

let folder: string
let installed: string
let tarballs: string[]
let postgres: TestPostgres
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-packages-'))
  installed = path.join(folder, 'installed')
  tarballs = await packPackages(path.join(folder, 'tarballs'), { hasTypes: false })
  await installPackages(tarballs, installed, { fromLock: true, options: ['--omit=optional'] })
  postgres = await openTestPostgres()
}, 180_000)
afterAll(async () => {
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
})

interface Run {
  exitCode: number
  stderr: string
}

function keyholdServer(args: string[], environment: Record<string, string>): Promise<Run> {
  return new Promise((resolve) => {
    const program = installedCommand(installed, 'keyhold-server')
    const options = { env: { PATH: process.env.PATH, KEYHOLD_PORT: '0', ...environment }, cwd: folder }
    const child = execFile(process.execPath, [program, ...args], options, (_error, _stdout, stderr) => {
      resolve({ exitCode: child.exitCode ?? -1, stderr })
    })
  })
}

test('serve, migrate to a key of the customer, encrypt and decrypt short and long values', async () => {
  const connection = await postgres.createDatabase()
  const outcome = await useInstalledPackages({ folder: installed, databaseUrl: databaseUrl(connection) })
  expect(outcome).toEqual({ migration: 'Completed', copied: 1, short: 'before', longBytes: 100_000 })
})

test('without the embedded PostgreSQL, serve says what to do', async () => {
  const { exitCode, stderr } = await keyholdServer(['serve'], { KEYHOLD_DATA_DIR: path.join(folder, 'data') })
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(
    /^keyhold-server: .*not installed.*KEYHOLD_DATABASE_URL.*\(ERR_EMBEDDED_POSTGRES\)\n$/,
  )
})

describe('failpoints are not in the packages', () => {
  test('no setting arms them', async () => {
    const { exitCode, stderr } = await keyholdServer(['serve'], {
      KEYHOLD_DATA_DIR: path.join(folder, 'data'),
      KEYHOLD_FAILPOINTS: 'migration.copy.after-commit=kill',
    })
    expect(exitCode).toBe(2)
    expect(stderr).toContain('There is no setting KEYHOLD_FAILPOINTS')
  })

  test('no module has one', () => {
    const scope = path.join(installed, 'node_modules/@keyhold')
    const modules = globSync('*/dist/*.js', { cwd: scope })
    expect(modules.length).toBeGreaterThan(10)
    const source = path.join(import.meta.dirname, '../../server/src/migration/engine/failpoint.ts')
    const names = readFileSync(source, 'utf8').match(/(?<=')migration\.[a-z.-]+(?=')/g) ?? []
    expect(names.length).toBeGreaterThan(20)
    const words = [...names, 'KEYHOLD_FAILPOINTS', 'There is no such failpoint']
    const found = modules.flatMap((file) => {
      const text = readFileSync(path.join(scope, file), 'utf8')
      return words.filter((word) => text.includes(word)).map((word) => `${file}: ${word}`)
    })
    expect(found).toEqual([])
  })
})

test.each(
  doseOf(
    [
      ['20.20.2', 1],
      ['22.12.9', 1],
      ['22.13.0', 0],
      ['24.0.0', 0],
    ],
    2,
  ),
)('on Node.js %s a command ends with %i', async (version, exitCode) => {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  const start = path.join(installed, 'node_modules/@keyhold/server/dist/start-command.js')
  const args = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, start, '--help']
  const ended = await promisify(execFile)(process.execPath, args).then(
    ({ stdout }) => ({ code: 0, text: stdout }),
    (error: unknown) => {
      const { code, stderr } = error as { code: number; stderr: string }
      return { code, text: stderr }
    },
  )
  expect(ended.code).toBe(exitCode)
  expect(ended.text).toContain(exitCode === 0 ? 'Usage: keyhold-server' : 'ERR_NODE_TOO_OLD')
})
