// MACs of rows hold as the root key file says, for the server and for commands.
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openTestPostgres, type TestPostgres } from '../../../testkit/src/database/test-database.ts'
import { putForm1 } from '../../../testkit/src/server/root-key-form1.ts'
import { createRowMacs } from '../../src/store/authentic/row-macs.ts'
import { openDatabaseClock } from '../../src/store/database-clock.ts'
import type { Database } from '../../src/store/database.ts'
import { createStore } from '../../src/store/store.ts'
import { prepareDatabase } from '../../src/wiring/prepare-database.ts'
import { openRootKeyOfCommand } from '../../src/wiring/root-key/open-root-key-of-command.ts'

let postgres: TestPostgres
let dataDir: string
let file: string
let db: Database
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  db = postgres.open(await postgres.createDatabase())
  dataDir = await mkdtemp(path.join(tmpdir(), 'keyhold-ring-'))
  file = path.join(dataDir, 'root-key')
})
afterEach(() => rm(dataDir, { recursive: true, force: true }))

const settings = () => ({ dataDir, rootKeyFile: undefined })
const newStore = async () => createStore(db, await openDatabaseClock(db), { macs: createRowMacs() })

/** Starts as the server does, and answers the store with its MACs. */
async function start() {
  const store = await newStore()
  const rootKey = await prepareDatabase({ ...settings(), mayCreateRootKey: true }, db, store, logger, () =>
    Promise.resolve(),
  )
  return { store, rootKey }
}

/** Lines of the log of all starts. */
const lines: { msg: string }[] = []
const logger = pino({ level: 'warn' }, { write: (line: string) => lines.push(JSON.parse(line) as never) })

const head = { chain: 't', hash: Buffer.alloc(32), sequence: 1 }

test('a new installation requires MACs, and a command makes the same as the server', async () => {
  const { store, rootKey } = await start()
  expect(store.macs.requiresMacs()).toBe(true)
  const ofCommand = await newStore()
  expect(await openRootKeyOfCommand(settings(), ofCommand)).toEqual(rootKey)
  const mac = ofCommand.macs.sign('auditHead', head)
  expect(mac).toEqual(store.macs.sign('auditHead', head))
  expect(mac.subarray(1, 9).toString('hex')).toBe(rootKey?.id)
})

test('with a file of form 1 none is required, and the MACs are the same', async () => {
  const before = await start()
  await putForm1(dataDir)
  lines.length = 0
  const { store, rootKey } = await start()
  expect(lines.map(({ msg }) => msg)).toEqual([expect.stringContaining('does not require MACs')])
  expect(store.macs.requiresMacs()).toBe(false)
  expect(rootKey).toMatchObject({ requiresMacs: false, installationId: before.rootKey?.installationId })
  expect(store.macs.sign('auditHead', head)).toEqual(before.store.macs.sign('auditHead', head))
})

test.each([
  ['no root key file', () => rm(file), 'does not have the root key'],
  [
    'the file of another installation',
    async () => {
      const text = await readFile(file, 'utf8')
      await writeFile(file, text.replace(/^installation .*$/m, `installation ${randomUUID()}`))
    },
    'another installation',
  ],
  [
    'another root key',
    async () => {
      const text = await readFile(file, 'utf8')
      await writeFile(file, text.replace(/[0-9a-f]{64}/, 'ab'.repeat(32)))
    },
    'but another one',
  ],
])('with %s nothing can be signed', async (_, spoil, reason) => {
  await start()
  await spoil()
  const { store, rootKey } = await start()
  expect(rootKey).toBeUndefined()
  expect(() => store.macs.sign('auditHead', head)).toThrow(expect.objectContaining({ code: 'ERR_SEALED' }))
  const ofCommand = await newStore()
  await expect(openRootKeyOfCommand(settings(), ofCommand)).rejects.toMatchObject({
    code: 'ERR_SEALED',
    message: expect.stringContaining(reason) as string,
  })
  expect(() => ofCommand.macs.requiresMacs()).toThrow(expect.objectContaining({ code: 'ERR_SEALED' }))
})
