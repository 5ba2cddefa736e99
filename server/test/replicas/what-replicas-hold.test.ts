// A replica tells the others its version and whether its root key file requires MACs, and takes a stricter file while it runs.
import { writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { putForm1 } from '../../../testkit/src/server/root-key-form1.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import manifest from '../../package.json' with { type: 'json' }

let server: TestServer
let form1: string
let form2: string
beforeAll(async () => {
  server = await startTestServer({}, { timings: { heartbeatMs: 20 } })
  ;({ form1, form2 } = await putForm1(server.dataDir))
})
afterAll(() => server.stop())

const put = (text: string) => writeFile(path.join(server.dataDir, 'root-key'), text)
const told = () => server.query('select host, version, root_key_id, requires_macs from keyhold.replicas')
const replica = (requiresMacs: boolean) => ({
  host: hostname(),
  version: manifest.version,
  root_key_id: /^khroot1:(\w+):/.exec(form1)?.[1],
  requires_macs: requiresMacs,
})
/** Waits for a sign of life that began after this call. */
async function nextSign(): Promise<void> {
  const [now] = await server.query('select clock_timestamp()::text as now')
  const signs = () => server.query('select from keyhold.replicas where seen_at > $1::timestamptz', [now?.now])
  await expect.poll(async () => (await signs()).length).toBe(1)
  const [later] = await server.query('select max(seen_at)::text as now from keyhold.replicas')
  const more = () =>
    server.query('select from keyhold.replicas where seen_at > $1::timestamptz', [later?.now])
  await expect.poll(async () => (await more()).length).toBe(1)
}

test('a file that requires MACs counts while the replica runs; no other file does', async () => {
  expect(await told()).toEqual([replica(true)])
  await server.restart()
  expect(await told()).toEqual([replica(false)])
  for (const text of [
    'damaged',
    form2.replace(/[0-9a-f]{64}/, 'ab'.repeat(32)),
    form2.replace(/^installation .*$/m, 'installation 0f9619ff-8b86-4011-b42d-00c04fc964ff'),
    form2.replace(/current \w{16}/, 'current 0123456789abcdef'),
  ]) {
    await put(text)
    await nextSign()
    expect(await told()).toEqual([replica(false)])
  }
  await put(form2)
  await expect.poll(told).toEqual([replica(true)])
  // Less than that is none of the running replica's business.
  await put(form1)
  await nextSign()
  expect(await told()).toEqual([replica(true)])
})
