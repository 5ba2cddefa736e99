// A small Keyhold for the tests of local encryption: real HTTP, real keys, real formats; no KMS and no database.
import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { text } from 'node:stream/consumers'
import {
  decryptValue,
  encodeHeader,
  encryptValue,
  isKeyholdError,
  keyFromBytes,
  parseBase64,
  parseHeader,
  parseToken,
  type DataKey,
} from '@keyhold/core'
import { serve } from '../../testkit/src/http/serve.ts'

export interface FakeKeyhold {
  url: string
  /** How long each lease lasts. */
  leaseSeconds: number
  /** The customer has revoked the key: every call is answered 424. */
  isLocked: boolean
  /** Milliseconds before each answer. */
  delayMs: number
  /** The calls so far, by the last word of the path. */
  calls: string[]
  /** From now on leases for encryption are of new data keys. */
  endLeaseKeys: () => void
}

interface Body {
  header?: string
  keyName?: string
  items?: { plaintext?: string; token?: string; context?: Record<string, string> }[]
}

export async function startFakeKeyhold(): Promise<FakeKeyhold> {
  const keys = new Map<string, Buffer>()
  // The data key of each tenant's leases.
  const leaseKeys = new Map<string, string>()
  const rootKey = randomBytes(32)
  const url = await serve((request, response) => {
    const route = (request.url ?? '').split('/').at(-1) ?? ''
    const tenantId = String(request.headers['keyhold-tenant'] ?? 'bound')
    fake.calls.push(route)
    void text(request).then((body) =>
      setTimeout(() => {
        const [status, reply] = answer(route, tenantId, (JSON.parse(body || '{}') ?? {}) as Body)
        response.writeHead(status).end(JSON.stringify(reply))
      }, fake.delayMs),
    )
  })
  const fake: FakeKeyhold = {
    url,
    leaseSeconds: 60,
    isLocked: false,
    delayMs: 0,
    calls: [],
    endLeaseKeys: () => {
      leaseKeys.clear()
    },
  }

  function answer(route: string, tenantId: string, body: Body): [number, object] {
    if (fake.isLocked) return refusal(424, 'ERR_KMS_KEY_DISABLED')
    try {
      if (route === 'data-keys') {
        const id = leaseKeys.get(tenantId) ?? randomUUID()
        if (!leaseKeys.has(tenantId)) keys.set(`${tenantId} ${id} 1`, randomBytes(32))
        leaseKeys.set(tenantId, id)
        return [200, lease(tenantId, id, 1)]
      }
      if (route === 'unwrap') {
        const { dataKeyId, version } = parseHeader(parseBase64(body.header ?? '') ?? Buffer.alloc(0))
        return keys.has(`${tenantId} ${dataKeyId} ${version}`)
          ? [200, lease(tenantId, dataKeyId, version)]
          : refusal(400, 'ERR_DECRYPTION_FAILED')
      }
      if (route === 'blind-index') {
        const key = createHmac('sha256', rootKey)
          .update(`${tenantId} ${body.keyName ?? ''}`)
          .digest()
        return [200, { tenantId, plaintext: key.toString('base64'), ...expiry() }]
      }
      if (route === 'keyproviders') return [200, [{ arnFingerPrint: '9f352c5a' }]]
      if (route === 'migrate') return [200, {}]
      return [200, { items: (body.items ?? []).map((item) => answerItem(route, tenantId, item)) }]
    } catch (error) {
      if (isKeyholdError(error)) return refusal(400, error.code)
      throw error
    }
  }

  function answerItem(route: string, tenantId: string, item: NonNullable<Body['items']>[number]): object {
    const context = item.context ?? {}
    try {
      if (item.token === undefined) {
        const id = randomUUID()
        keys.set(`${tenantId} ${id} 2`, randomBytes(32))
        const plaintext = Buffer.from(item.plaintext ?? '', 'base64')
        return { token: encryptValue(keyOf(tenantId, id, 2), context, plaintext) }
      }
      const parsed = parseToken(item.token)
      if (route === 'reencrypt') return { token: item.token, reencrypted: false }
      const dataKey = keyOf(tenantId, parsed.header.dataKeyId, parsed.header.version)
      return { plaintext: decryptValue(dataKey, context, parsed).toString('base64') }
    } catch (error) {
      if (isKeyholdError(error)) return { error: { code: error.code, title: error.message } }
      throw error
    }
  }

  function keyOf(tenantId: string, id: string, version: number): DataKey {
    const bytes = keys.get(`${tenantId} ${id} ${version}`) ?? randomBytes(32)
    return { tenantId, id, version, key: keyFromBytes(Buffer.from(bytes)) }
  }

  function lease(tenantId: string, dataKeyId: string, version: number): object {
    const plaintext = keys.get(`${tenantId} ${dataKeyId} ${version}`)?.toString('base64')
    const header = encodeHeader({ dataKeyId, version }).toString('base64')
    return { tenantId, dataKeyId, version, header, plaintext, ...expiry() }
  }

  function expiry(): object {
    // The wall clock is far off: the SDK must not use it.
    return { expiresAt: '2001-01-01T00:00:00Z', expiresInSeconds: fake.leaseSeconds }
  }

  return fake
}

function refusal(status: number, code: string): [number, object] {
  return [status, { errors: [{ code, title: 'Refused.' }], traceId: 't' }]
}
