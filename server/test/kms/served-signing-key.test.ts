// The public signing key that is served belongs to the private key that signs, whatever the database says meanwhile; and
// where there was one, no other is ever made.
import { generateKeyPairSync } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createSigningKey } from '../../src/kms/signing-key.ts'
import { readRootKeyFile } from '../../src/kms/root-key-file.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { resignDatabase } from '../../../testkit/src/database/resign.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'

let server: TestServer
let file: string
let token: string
beforeAll(async () => {
  server = await startTestServer()
  token = (await server.createTenant()).adminToken
  file = path.join(server.dataDir, 'state', 'signing-keys.json')
  await server.query('create table public.kept as select * from keyhold.installation')
})
afterAll(() => server.stop())
beforeEach(putBack)

async function putBack(): Promise<void> {
  const columns = 'signing_key_id, signing_public_key, signing_private_key_wrapped, mac, generation'
  await server.query(`update keyhold.installation set (${columns}) = (select ${columns} from public.kept)`)
}

const forget = () =>
  server.query(
    'update keyhold.installation set signing_key_id = null, signing_public_key = null, signing_private_key_wrapped = null',
  )

/** Puts in another key of the same root key: as one who had the root key for a moment, or a copy of this database. */
async function exchange(): Promise<void> {
  const root = await readRootKeyFile(path.join(server.dataDir, 'root-key'))
  if (root === undefined) throw new Error('there is no root key')
  const { id, publicKey, privateKeyWrapped } = createSigningKey(root)
  await server.query(
    'update keyhold.installation set signing_key_id = $1, signing_public_key = $2, signing_private_key_wrapped = $3',
    [id, publicKey, privateKeyWrapped],
  )
}

/** Puts in the public key of somebody else, beside the private one. */
async function exchangePublic(): Promise<void> {
  const publicKey = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' })
  await server.query('update keyhold.installation set signing_public_key = $1', [publicKey])
}

async function served(): Promise<unknown> {
  const { status, body } = await server.request('GET', '/api/v1/encryption/signing-keys', { token })
  expect(status).toBe(200)
  return body
}

/** Restarts it, and answers the code of the error if it does not start. */
async function restart(): Promise<string> {
  try {
    await server.restart()
    return 'started'
  } catch (error) {
    return String((error as { code?: unknown }).code)
  }
}

test('it is the same in the file, and stays what it was when the row is exchanged or lost', async () => {
  const before = await served()
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(before)
  await exchange()
  expect(await served()).toEqual(before)
  await forget()
  expect(await served()).toEqual(before)
})

/** As one who has the root key signs what he has written. */
const signed = (lie: () => Promise<unknown>) => async () => {
  await lie()
  await resignDatabase(server.databaseConnection())
}

const lies: [string, () => Promise<unknown>, string][] = [
  ['another key', exchange, 'ERR_RECORD_NOT_AUTHENTIC'],
  ['no key', forget, 'ERR_RECORD_NOT_AUTHENTIC'],
  ['another public key', exchangePublic, 'ERR_RECORD_NOT_AUTHENTIC'],
  ['another key, signed', signed(exchange), 'ERR_SIGNING_KEY_MISSING'],
  ['no key, signed', signed(forget), 'ERR_SIGNING_KEY_MISSING'],
  ['another public key, signed', signed(exchangePublic), 'ERR_KEY_INTEGRITY'],
]
test.each(lies)('with %s in the row it does not start, and makes none', async (_, lie, code) => {
  await served()
  await lie()
  const [row] = await server.query('select signing_key_id as id from keyhold.installation')
  expect(await restart()).toBe(code)
  expect(await server.query('select signing_key_id as id from keyhold.installation')).toEqual([row])
  await putBack()
  expect(await restart()).toBe('started')
})

test('without the file, too, none is made for a database that was used', async () => {
  await served()
  await signed(forget)()
  await rename(file, `${file}.away`)
  expect(await restart()).toBe('ERR_SIGNING_KEY_MISSING')
  await putBack()
  expect(await restart()).toBe('started')
  expect(await readFile(file, 'utf8')).toBe(await readFile(`${file}.away`, 'utf8'))
})

test('a file that is none ends the start, and is not replaced', async () => {
  await writeFile(file, '{"keys":[]}')
  expect(await restart()).toBe('ERR_SIGNING_KEY_MISSING')
  expect(await readFile(file, 'utf8')).toBe('{"keys":[]}')
  await rm(file)
  expect(await restart()).toBe('started')
})
