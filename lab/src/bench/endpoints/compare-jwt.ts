// Compares warm `POST encrypt` with a JWT with the same with an API key, on one server: what a held JWT costs a request.
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startKeyholdProcess } from '../../../../testkit/src/process/keyhold-process.ts'
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
const [issuer, audience, tenantId] = ['https://issuer.example', 'https://keyhold.example', 'bench-jwt']

export async function compareJwt(sizes: Sizes, report: Report): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-jwt-'))
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  const [issuersFile, jwksFile] = [path.join(folder, 'issuers'), path.join(folder, 'jwks')]
  await writeFile(jwksFile, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k' }] }))
  const mapping = { match: { sub: 'bench' }, tenant: { const: tenantId }, role: 'service' }
  const listed = {
    name: 'bench',
    issuer,
    audiences: [audience],
    algorithms: ['RS256'],
    jwksFile,
    mappings: [mapping],
  }
  await writeFile(issuersFile, JSON.stringify({ issuers: [listed] }))
  const keyhold = await startKeyholdProcess({ settings: { KEYHOLD_ISSUERS_FILE: issuersFile } })
  const load = startHelper('load-process.ts')
  try {
    const { serviceToken } = await createTenant(keyhold.url, keyhold.operatorToken, tenantId)
    const jwt = await new SignJWT({
      'kubernetes.io': { namespace: 'bench', pod: { name: 'bench-0', uid: 'a'.repeat(36) } },
    })
      .setProtectedHeader({ alg: 'RS256', kid: 'k' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject('bench')
      .setIssuedAt()
      .setExpirationTime('2h')
      .sign(privateKey)
    for (const { size, itemsPerRequest, connections } of loads) {
      const body = JSON.stringify({ items: Array.from({ length: itemsPerRequest }, () => ({ plaintext })) })
      const side = (token: string): Server => ({
        pid: keyhold.pid,
        order: {
          ...{ url: keyhold.url, path: '/api/v1/encryption/encrypt', body, connections },
          headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        },
      })
      const name = `POST encrypt with a JWT, ${size} | with an API key`
      const sides = { ours: side(jwt), theirs: side(serviceToken) }
      await orSkip(name, report, () => alternateLoad({ name, ...sides, itemsPerRequest }, load, sizes))
    }
  } finally {
    await Promise.all([load.stop(), keyhold.stop()])
    await rm(folder, { recursive: true })
  }
}
