// Every answered change survives a restart, kill -9 and a failing disk. A damaged file never counts as an empty state.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateAliasCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  type KMSClient,
  ListAliasesCommand,
  ListKeysCommand,
  ReplicateKeyCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LocalKms, startLocalKms } from '../src/index.ts'
import { bytes, createClient, createKey, homeRegion, otherRegion, refusal, text } from './kms-under-test.ts'

const mainFile = join(import.meta.dirname, '../src/main.ts')

let dataDir: string
const running: LocalKms[] = []
const clients: KMSClient[] = []

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'local-kms-'))
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  for (const kms of running.splice(0)) await kms.close()
  rmSync(dataDir, { recursive: true })
})

async function start(): Promise<LocalKms> {
  const kms = await startLocalKms({ dataDir })
  running.push(kms)
  return kms
}

function clientOf(endpoint: string, region = homeRegion): KMSClient {
  const client = createClient(endpoint, { region })
  clients.push(client)
  return client
}

const encrypt = async (client: KMSClient, KeyId: string) =>
  (await client.send(new EncryptCommand({ KeyId, Plaintext: bytes('kept') }))).CiphertextBlob ?? bytes('')
const decrypt = async (client: KMSClient, CiphertextBlob: Uint8Array) =>
  text((await client.send(new DecryptCommand({ CiphertextBlob }))).Plaintext)
const keyFiles = () => readdirSync(join(dataDir, 'keys')).map((name) => join(dataDir, 'keys', name))

test('keys, replicas, aliases, rotations and states survive a restart', async () => {
  const first = await start()
  const before = clientOf(first.url)
  const { keyId, arn } = await createKey(before, {
    MultiRegion: true,
    Tags: [{ TagKey: '1', TagValue: 'x' }],
  })
  const old = await encrypt(before, keyId)
  await before.send(new RotateKeyOnDemandCommand({ KeyId: keyId }))
  const fresh = await encrypt(before, keyId)
  await before.send(new ReplicateKeyCommand({ KeyId: keyId, ReplicaRegion: otherRegion }))
  await before.send(new CreateAliasCommand({ AliasName: 'alias/kept', TargetKeyId: keyId }))
  const doomed = await createKey(before)
  await before.send(new ScheduleKeyDeletionCommand({ KeyId: doomed.keyId }))
  const metadata = (await before.send(new DescribeKeyCommand({ KeyId: doomed.keyId }))).KeyMetadata
  await first.close()

  const second = await start()
  const after = clientOf(second.url)
  expect((await after.send(new DescribeKeyCommand({ KeyId: 'alias/kept' }))).KeyMetadata?.Arn).toBe(arn)
  expect([await decrypt(after, old), await decrypt(after, fresh)]).toStrictEqual(['kept', 'kept'])
  expect((await after.send(new DescribeKeyCommand({ KeyId: doomed.keyId }))).KeyMetadata).toStrictEqual(
    metadata,
  )
  await expect
    .poll(() => decrypt(clientOf(second.url, otherRegion), fresh).catch(() => 'not yet'), { timeout: 5000 })
    .toBe('kept')
})

test('files are readable by their owner only', async () => {
  const kms = await start()
  await createKey(clientOf(kms.url))
  expect(statSync(dataDir).mode & 0o777).toBe(0o700)
  expect(keyFiles().map((path) => statSync(path).mode & 0o777)).toStrictEqual([0o600])
})

async function spawnKms() {
  const child = spawn(process.execPath, [mainFile, '--port', '0', '--data-dir', dataDir], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for await (const chunk of child.stdout) {
    output += String(chunk)
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0]
    if (url !== undefined) return { child, url, output, exited: once(child, 'exit') }
  }
  throw new Error(`local-kms did not start: ${output}`)
}

test('every answered key is there after kill -9 while keys are created', async () => {
  const { child, url, exited } = await spawnKms()
  const client = clientOf(url)
  const answered: string[] = []
  const { keyId } = await createKey(client)
  const blob = await encrypt(client, keyId)
  const storm = Array.from({ length: 8 }, async () => {
    for (;;) answered.push((await createKey(client)).keyId)
  })
  const ended = Promise.allSettled(storm)
  await expect.poll(() => answered.length, { timeout: 20_000 }).toBeGreaterThan(20)
  child.kill('SIGKILL')
  await Promise.all([exited, ended])
  // A write that was cut off leaves such a file behind.
  writeFileSync(join(dataDir, 'keys', 'unfinished.json.tmp'), '{"format":')

  const kms = await start()
  const after = clientOf(kms.url)
  const { Keys = [] } = await after.send(new ListKeysCommand({ Limit: 1000 }))
  expect(Keys.map((key) => key.KeyId)).toStrictEqual(expect.arrayContaining([keyId, ...answered]))
  expect(await decrypt(after, blob)).toBe('kept')
  expect(keyFiles().filter((path) => path.endsWith('.tmp'))).toStrictEqual([])
})

test('the command says that it is for development only, and SIGTERM ends it', async () => {
  const { child, output, exited } = await spawnKms()
  expect(output).toContain('for development and tests ONLY')
  child.kill('SIGTERM')
  expect(await exited).toStrictEqual([0, null])
  expect(readdirSync(dataDir)).toStrictEqual(['keys'])
})

test('a second process and a second instance are refused a folder in use', async () => {
  await start()
  const inUse = `${dataDir} is in use by another local-kms`
  await expect(startLocalKms({ dataDir })).rejects.toThrow(inUse)
  const child = spawn(process.execPath, [mainFile, '--port', '0', '--data-dir', dataDir])
  let errors = ''
  child.stderr.on('data', (chunk) => (errors += String(chunk)))
  expect(await once(child, 'exit')).toStrictEqual([1, null])
  expect(errors).toContain(inUse)
})

test.each<[string, (content: string) => string]>([
  ['cut short', (content) => content.slice(0, -20)],
  ['emptied', () => ''],
  [
    'changed in its key material',
    (content) => content.replace(/("secret":")(.)/, (_, a: string, b: string) => a + (b === 'A' ? 'B' : 'A')),
  ],
  ['replaced by other JSON', () => '{}'],
])('a key file %s stops the start and stays as it is', async (_, damage) => {
  const first = await start()
  await createKey(clientOf(first.url))
  await first.close()
  const [path = ''] = keyFiles()
  const damaged = damage(readFileSync(path, 'utf8'))
  writeFileSync(path, damaged)
  await expect(startLocalKms({ dataDir })).rejects.toThrow(`${path} is damaged`)
  expect(readFileSync(path, 'utf8')).toBe(damaged)
  rmSync(path)
  await start()
})

test('a change that cannot be written is answered with an error and has no effect', async () => {
  const kms = await start()
  const client = clientOf(kms.url)
  const { keyId } = await createKey(client)
  renameSync(join(dataDir, 'keys'), join(dataDir, 'away'))
  expect(await refusal(createKey(client))).toMatchObject({ name: 'KMSInternalException', status: 500 })
  expect((await refusal(client.send(new ScheduleKeyDeletionCommand({ KeyId: keyId })))).status).toBe(500)
  const { Keys = [] } = await client.send(new ListKeysCommand({}))
  expect(Keys).toHaveLength(1)
  await encrypt(client, keyId)
  renameSync(join(dataDir, 'away'), join(dataDir, 'keys'))
  await createKey(client)
  expect((await client.send(new ListAliasesCommand({}))).Aliases).toStrictEqual([])
})
