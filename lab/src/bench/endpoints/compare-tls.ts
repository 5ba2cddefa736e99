// Compares warm `POST encrypt` over TLS with the same over plain HTTP: what TLS costs a server once connections stand.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createTestAuthority } from '../../../../testkit/src/network/test-authority.ts'
import { trustAuthority } from '../../../../testkit/src/network/trust-authority.ts'
import { startKeyholdProcess, type KeyholdProcess } from '../../../../testkit/src/process/keyhold-process.ts'
import { createTenant } from '../../../../testkit/src/tenants/create-tenant.ts'
import { orSkip, type Report } from '../measurement.ts'
import type { Sizes } from '../sizes.ts'
import { alternateLoad, type Server } from './alternate-load.ts'
import { startHelper } from './helper-process.ts'

const plaintext = Buffer.alloc(1_024, 'a value that repeats itself ').toString('base64')
const loads = [
  { size: 'one value of 1 KiB', itemsPerRequest: 1, connections: 50 },
  { size: '100 values of 1 KiB', itemsPerRequest: 100, connections: 8 },
]

export async function compareTls(sizes: Sizes, report: Report): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-tls-'))
  const authority = createTestAuthority()
  const { key, certificate } = authority.issue(['127.0.0.1'])
  const files = { certificate: path.join(folder, 'tls.crt'), key: path.join(folder, 'tls.key') }
  await writeFile(files.certificate, certificate)
  await writeFile(files.key, key, { mode: 0o600 })
  const distrust = trustAuthority(authority.certificate)
  const plain = await startKeyholdProcess()
  const secure = await startKeyholdProcess({
    settings: { KEYHOLD_TLS_CERTIFICATE_FILE: files.certificate, KEYHOLD_TLS_KEY_FILE: files.key },
  })
  const load = startHelper('load-process.ts')
  try {
    const [ours, theirs] = [await tokenOf(secure), await tokenOf(plain)]
    for (const { size, itemsPerRequest, connections } of loads) {
      const body = JSON.stringify({ items: Array.from({ length: itemsPerRequest }, () => ({ plaintext })) })
      const side = ({ url, pid }: KeyholdProcess, token: string): Server => ({
        pid,
        order: {
          ...{ url, path: '/api/v1/encryption/encrypt', body, connections },
          headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        },
      })
      const name = `POST encrypt over TLS, ${size} | plain HTTP`
      const sides = { ours: side(secure, ours), theirs: side(plain, theirs) }
      await orSkip(name, report, () => alternateLoad({ name, ...sides, itemsPerRequest }, load, sizes))
    }
  } finally {
    await Promise.all([load.stop(), plain.stop(), secure.stop()])
    distrust()
    await rm(folder, { recursive: true })
  }
}

async function tokenOf({ url, operatorToken }: KeyholdProcess): Promise<string> {
  return (await createTenant(url, operatorToken)).serviceToken
}
