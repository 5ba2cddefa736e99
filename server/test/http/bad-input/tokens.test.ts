// Tokens that are none, or that this tenant's keys do not open: POST decrypt tells the two documented errors and no
// other, and neither reply nor look-ups tell whether a key exists in another tenant.
import { createTokenFuzzer } from '../../../../core/test/tokens/token-fuzzer.ts'
import { fuzzKeys } from '../../../../core/test/tokens/fuzz-tokens.ts'
import { malformedTokens } from '../../../../core/test/tokens/malformed-tokens.ts'
import { undecryptableTokens } from '../../../../core/test/tokens/undecryptable-tokens.ts'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, test, vi } from 'vitest'
import type { TestTenant } from '../../../../testkit/src/server/start-test-server.ts'
import { at, listAt, withoutTrace } from '../read-body.ts'
import { encryptText } from '../scene.ts'
import { expectNothingOfTheInside, startScene, type Scene } from './scene.ts'
import { slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

let scene: Scene
let other: TestTenant
let token: string
let long: { one: string; two: string; foreign: string }
beforeAll(async () => {
  // Without a cache every look-up is made, and can be counted.
  scene = await startScene({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '0' })
  const { server, tenant } = scene
  other = await server.createTenant()
  token = await encryptText(server, tenant, 'hello')
  const text = 'x'.repeat(40_000)
  const one = await encryptText(server, tenant, text)
  const two = await encryptText(server, tenant, text)
  const foreign = await encryptText(server, tenant, text, { keyName: 'another' })
  long = { one, two, foreign }
})
afterAll(() => scene.server.stop())

/** The outcomes of a batch, as another tenant where one is named. */
async function decrypt(
  texts: readonly string[],
  { serviceToken } = scene.tenant,
  route = 'decrypt',
): Promise<unknown[]> {
  const answer = await scene.server.request('POST', `/api/v1/encryption/${route}`, {
    token: serviceToken,
    body: { items: texts.map((each) => ({ token: each })) },
  })
  expect(answer.status, answer.text.slice(0, 500)).toBe(200)
  return listAt(answer.body, 'items')
}

const codeOf = (outcome: unknown) => at(outcome, 'error', 'code')
// Longer than anything that a reply says of itself.
const pieceOf = (text: string) => text.slice(40, 80)

describe('what is no token', () => {
  test.each(malformedTokens(`kh1.${'A'.repeat(131)}`))('%s', async (what) => {
    const text = malformedTokens(token).find(([each]) => each === what)?.[1] ?? ''
    for (const route of ['decrypt', 'reencrypt']) {
      const [outcome] = await decrypt([text], scene.tenant, route)
      expect(codeOf(outcome)).toBe('ERR_TOKEN_INVALID')
      const reply = JSON.stringify(outcome)
      expectNothingOfTheInside(reply)
      if (pieceOf(text) !== '') expect(reply).not.toContain(pieceOf(text))
    }
  })

  it('is looked up nowhere', async () => {
    const rows = malformedTokens(token).map(([, text]) => text)
    const seen = await lookUpsOf(() => decrypt(rows))
    expect(seen).toEqual({ queries: [], kmsCalls: 0 })
  })

  it('and half of a surrogate pair in a token is no JSON', async () => {
    const answer = await scene.server.request('POST', '/api/v1/encryption/decrypt', {
      token: scene.tenant.serviceToken,
      body: { items: [{ token: `${token.slice(0, 50)}\ud800${token.slice(51)}` }] },
    })
    expect(answer.status).toBe(400)
  })
})

test('what is in good form and opens nowhere gets one error, whatever is wrong with it', async () => {
  const rows = undecryptableTokens(long)
  const outcomes = await decrypt(rows.map(([, text]) => text))
  for (const [index, outcome] of outcomes.entries()) {
    expect(outcome, rows[index]?.[0]).toEqual({
      error: { code: 'ERR_DECRYPTION_FAILED', title: 'The value cannot be decrypted.' },
    })
  }
})

slowTest('5,000 generated tokens get the two documented errors', async () => {
  const fuzzer = createTokenFuzzer(20_260_802, fuzzKeys)
  const own = createTokenFuzzer(20_260_803, fuzzKeys)
  const bytes = Buffer.from(token.slice(4), 'base64url')
  const texts = Array.from({ length: 5_000 }, (_, index) => {
    // Half of them under a header whose key this tenant has; lone surrogates are no JSON.
    if (index % 2 === 0) return fuzzer.next().text.toWellFormed()
    const sealed = Buffer.from(own.next().text.slice(4), 'base64url').subarray(26)
    return `kh1.${Buffer.concat([bytes.subarray(0, 26), sealed]).toString('base64url')}`
  })
  const counts = new Map<unknown, number>()
  for (let start = 0; start < texts.length; start += 500) {
    for (const outcome of await decrypt(texts.slice(start, start + 500))) {
      counts.set(codeOf(outcome), (counts.get(codeOf(outcome)) ?? 0) + 1)
    }
  }
  expect([...counts.keys()].sort()).toEqual(['ERR_DECRYPTION_FAILED', 'ERR_TOKEN_INVALID'])
  expect(Math.min(...counts.values())).toBeGreaterThan(500)
})

describe("a key of another tenant's", () => {
  afterEach(() => vi.restoreAllMocks())

  // The same token with an id that nobody has.
  function withUnknownId(text: string): string {
    const bytes = Buffer.from(text.slice(4), 'base64url')
    bytes.set(Buffer.from('018f3c1e00007000800000000000dead', 'hex'), 6)
    return `kh1.${bytes.toString('base64url')}`
  }

  test.each(['decrypt', 'reencrypt'])('is to %s what an id is that nobody has', async (route) => {
    const unknown = withUnknownId(token)
    let [foreignReply, unknownReply]: unknown[][] = [[], []]
    const ofForeign = await lookUpsOf(async () => (foreignReply = await decrypt([token], other, route)))
    const ofUnknown = await lookUpsOf(async () => (unknownReply = await decrypt([unknown], other, route)))

    expect(foreignReply).toEqual(unknownReply)
    expect(codeOf(foreignReply?.[0])).toBe('ERR_DECRYPTION_FAILED')
    expect(ofForeign.queries.length).toBeGreaterThan(0)
    expect(ofForeign).toEqual(ofUnknown)
    expect(ofForeign.kmsCalls).toBe(0)
  })

  it('is to a renewed lease what an id is that nobody has', async () => {
    const renew = (text: string) =>
      scene.server.request('POST', '/api/v1/encryption/data-keys/unwrap', {
        token: other.serviceToken,
        body: { header: Buffer.from(text.slice(4), 'base64url').subarray(0, 26).toString('base64') },
      })
    let bodies: unknown[] = []
    const note = (answer: { status: number; body: unknown }) =>
      (bodies = [...bodies, [answer.status, withoutTrace(answer.body)]])
    const ofForeign = await lookUpsOf(async () => note(await renew(token)))
    const ofUnknown = await lookUpsOf(async () => note(await renew(withUnknownId(token))))

    expect(bodies[0]).toEqual(bodies[1])
    expect(bodies[0]).toMatchObject([400, { errors: [{ code: 'ERR_DECRYPTION_FAILED' }] }])
    expect(ofForeign).toEqual(ofUnknown)
  })

  slowTest('is looked up like one, also while its own tenant uses it', async () => {
    await decrypt([token])
    const ofForeign = await lookUpsOf(() => decrypt([token], other))
    const ofUnknown = await lookUpsOf(() => decrypt([withUnknownId(token)], other))
    expect(ofForeign).toEqual(ofUnknown)
  })
})

/** The statements about keys, and the calls of a KMS, that `work` leads to. */
async function lookUpsOf(work: () => Promise<unknown>): Promise<{ queries: string[]; kmsCalls: number }> {
  const spy = vi.spyOn(pg.Client.prototype, 'query')
  const kmsCalls = scene.server.kms.countCalls()
  await work()
  const queries = spy.mock.calls
    .map(([query]) => (typeof query === 'string' ? query : (query as { text?: string }).text))
    .filter((text) => text !== undefined && /\b(cipherkeys|tenant_keys|tenants)\b/.test(text))
    // Keys are probed, locks and callers looked at now and then, whatever is asked.
    .filter((text) => !/\b(key_probes|tenant_guards|api_keys)\b/.test(String(text)))

  spy.mockRestore()
  return { queries: queries.map(String), kmsCalls: scene.server.kms.countCalls() - kmsCalls }
}
