// The tenant's handle against a server that "encrypts" by reversing; real crypto is tested elsewhere.
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { createKeyholdClient, KeyholdApiError, KeyholdItemError } from '@keyhold/client'
import { serve } from '../../testkit/src/http/serve.ts'

interface Item {
  plaintext?: string
  token?: string
  keyName?: string
  context?: Record<string, string>
}

async function startServer(answer: (item: Item, path: string) => object = reverse) {
  const requests: { path: string; tenant: unknown; items: Item[]; bytes: number }[] = []
  const url = await serve((request, response) => {
    void text(request).then((body) => {
      const { items } = JSON.parse(body) as { items: Item[] }
      const path = (request.url ?? '').split('/').at(-1) ?? ''
      requests.push({ path, tenant: request.headers['keyhold-tenant'], items, bytes: body.length })
      response.end(JSON.stringify({ items: items.map((item) => answer(item, path)) }))
    })
  })
  return { client: createKeyholdClient({ url, token: 'kh_t' }), requests }
}

function reverse({ plaintext, token }: Item, path: string): object {
  if (path === 'reencrypt') return { token: `${token ?? ''}2`, reencrypted: true }
  if (path === 'encrypt') return { token: `kh1.${plaintext ?? ''}` }
  if (token?.startsWith('kh1.') === true) return { plaintext: token.slice(4) }
  return { error: { code: 'ERR_TOKEN_INVALID', title: 'No token.', detail: 'It is not.' } }
}

describe('one value', () => {
  test('goes there and back, as text and as bytes', async () => {
    const { client, requests } = await startServer()
    const tenant = client.tenant('acme')
    const token = await tenant.encrypt('naïve \u{1f511}', { keyName: 'k', context: { a: 'b' } })
    expect(await tenant.decryptText(token, { context: { a: 'b' } })).toBe('naïve \u{1f511}')
    const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 256)
    expect(await tenant.decrypt(await tenant.encrypt(bytes))).toEqual(bytes)
    expect(await tenant.decryptText(await tenant.encrypt('\ufeffx'))).toBe('\ufeffx')
    expect(requests[0]).toMatchObject({
      path: 'encrypt',
      tenant: 'acme',
      items: [{ keyName: 'k', context: { a: 'b' } }],
    })
    expect(requests[1]?.items).toEqual([{ token, context: { a: 'b' } }])
  })

  test('the tenant comes from the token, the client or the handle', async () => {
    const { requests, client } = await startServer()
    await client.tenant().encrypt('')
    expect(client.tenant().id).toBeUndefined()
    expect(requests[0]?.tenant).toBeUndefined()
  })

  test('a refusal is thrown', async () => {
    const { client } = await startServer()
    const refusal = client.tenant().decrypt('nonsense')
    await expect(refusal).rejects.toThrow(KeyholdItemError)
    await expect(refusal).rejects.toMatchObject({ code: 'ERR_TOKEN_INVALID', message: 'It is not.' })
  })

  test('a lone surrogate is refused: it would not come back as it is', async () => {
    const { client } = await startServer()
    const refusal = { code: 'ERR_CLIENT_PLAINTEXT_INVALID', member: 'plaintext' }
    await expect(client.tenant().encrypt('\ud800')).rejects.toMatchObject(refusal)
  })

  test('bytes that are not text are not turned into text', async () => {
    const { client } = await startServer()
    const token = await client.tenant().encrypt(Uint8Array.of(0xff))
    await expect(client.tenant().decryptText(token)).rejects.toMatchObject({ code: 'ERR_CLIENT_NOT_TEXT' })
  })
})

describe('many values', () => {
  test('are answered in their order, good and bad', async () => {
    const { client } = await startServer()
    const results = await client.tenant().decryptMany([{ token: 'x' }, { token: 'kh1.' }, { token: 'y' }])
    expect(results.map(({ value, error }) => error?.code ?? value)).toEqual([
      'ERR_TOKEN_INVALID',
      new Uint8Array(0),
      'ERR_TOKEN_INVALID',
    ])
    const [reencrypted] = await client.tenant().reencryptMany([{ token: 'kh1.a' }])
    expect(reencrypted).toEqual({ value: { token: 'kh1.a2', reencrypted: true } })
  })

  test('are split at 1,000 items', async () => {
    const { client, requests } = await startServer()
    const items = Array.from({ length: 2_001 }, (_, index) => ({ plaintext: String(index) }))
    const results = await client.tenant().encryptMany(items)
    expect(results.map(({ value }) => atob(value?.slice(4) ?? ''))).toEqual(
      items.map(({ plaintext }) => plaintext),
    )
    expect(requests.map((request) => request.items.length)).toEqual([1_000, 1_000, 1])
    expect(await client.tenant().encryptMany([])).toEqual([])
  })

  test('are split at 16 MiB, contexts included', async () => {
    const { client, requests } = await startServer(() => ({ token: '' }))
    const large = { plaintext: new Uint8Array(1_048_576) }
    await client.tenant().encryptMany(Array.from({ length: 25 }, () => large))
    // JSON writes a quotation mark in two characters.
    const context = Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map((key) => [key, '"'.repeat(512)]))
    const plaintext = new Uint8Array(12_288)
    await client.tenant().encryptMany(Array.from({ length: 1_000 }, () => ({ plaintext, context })))
    expect(requests).toHaveLength(6)
    for (const { bytes } of requests) expect(bytes).toBeLessThanOrEqual(16 * 1_048_576)
  })

  test('one that is too large does not fail the others, and is not sent', async () => {
    const { client, requests } = await startServer()
    const results = await client
      .tenant()
      .encryptMany([{ plaintext: new Uint8Array(1_048_577) }, { plaintext: 'a' }])
    expect(results.map(({ error }) => error?.code)).toEqual(['ERR_ITEM_TOO_LARGE', undefined])
    expect(requests[0]?.items).toHaveLength(1)
    const [long] = await client.tenant().decryptMany([{ token: 'k'.repeat(3_000_000) }])
    expect(long?.error?.code).toBe('ERR_ITEM_TOO_LARGE')
    expect(requests).toHaveLength(1)
  })

  test('a refusal of the whole tenant is thrown', async () => {
    const url = await serve((_request, response) =>
      response.writeHead(424).end('{"errors":[{"code":"ERR_KMS_DENIED","title":"No."}],"traceId":"t"}'),
    )
    const tenant = createKeyholdClient({ url, token: 'kh_t' }).tenant()
    await expect(tenant.encryptMany([{ plaintext: 'a' }])).rejects.toThrow(KeyholdApiError)
  })

  test('an answer with another number of items is refused', async () => {
    const url = await serve((_request, response) => response.end('{"items":[]}'))
    const tenant = createKeyholdClient({ url, token: 'kh_t' }).tenant()
    await expect(tenant.encrypt('a')).rejects.toMatchObject({ code: 'ERR_CLIENT_BAD_REPLY' })
  })

  // Decoded from base64, a null would give bytes, too.
  test.each([
    'null',
    '{}',
    '{"items":{}}',
    '{"items":[null]}',
    '{"items":[{}]}',
    '{"items":[{"token":5,"plaintext":null}]}',
    '{"items":[{"plaintext":"*"}]}',
    '{"items":[{"error":{}}]}',
    '{"items":[{"error":{"code":1,"title":"No."}}]}',
  ])('the answer %s is refused', async (answer) => {
    const url = await serve((_request, response) => response.end(answer))
    const tenant = createKeyholdClient({ url, token: 'kh_t' }).tenant()
    const refusal = { code: 'ERR_CLIENT_BAD_REPLY' }
    await expect(tenant.encrypt('a')).rejects.toMatchObject(refusal)
    await expect(tenant.decrypt('a')).rejects.toMatchObject(refusal)
    await expect(tenant.reencryptMany([{ token: 'a' }])).rejects.toMatchObject(refusal)
  })

  test('an abort ends them', async () => {
    const url = await serve(() => undefined)
    const tenant = createKeyholdClient({ url, token: 'kh_t' }).tenant()
    const call = tenant.encrypt('a', { signal: AbortSignal.timeout(20) })
    await expect(call).rejects.toMatchObject({ name: 'TimeoutError' })
  })
})
