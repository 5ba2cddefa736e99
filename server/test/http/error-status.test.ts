// The table from codes to statuses: whole, within HTTP, and known to whoever throws.
import { routeIds, statusOf } from '@keyhold/contract'
import { errorCodes } from '@keyhold/core'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'

const source = path.join(import.meta.dirname, '../../src')

it('gives every code a status of an error, on every route', () => {
  for (const code of errorCodes) {
    for (const routeId of [undefined, ...routeIds]) {
      const status = statusOf(code, routeId)
      expect(Number.isInteger(status) && status >= 400 && status <= 599, `${code} ${routeId ?? ''}`).toBe(
        true,
      )
    }
  }
})

// Node's own, which are read and never thrown.
const nodeCodes = ['ERR_PARSE_ARGS', 'ERR_PROXY_TUNNEL', 'ERR_SSL_HTTP_REQUEST']

it('knows every code that the source of the server names', async () => {
  const files = (await readdir(source, { recursive: true })).filter((name) => name.endsWith('.ts'))
  const named = new Set<string>()
  for (const file of files) {
    const text = await readFile(path.join(source, file), 'utf8')
    for (const [, code = ''] of text.matchAll(/['"`](ERR_[A-Z0-9_]+|Encryption-\d+)['"`]/g)) named.add(code)
  }

  expect(named.size).toBeGreaterThan(40)
  const known: readonly string[] = [...errorCodes, ...nodeCodes]
  expect([...named].filter((code) => !known.includes(code))).toEqual([])
})

it('never answers a refusal by AWS KMS with a status that invites to repeat it', () => {
  const denials = ['ERR_KMS_DENIED', 'ERR_KMS_KEY_DISABLED', 'ERR_KMS_KEY_PENDING_DELETION'] as const

  for (const routeId of routeIds) {
    for (const code of denials) expect(statusOf(code, routeId)).toBeLessThan(500)
  }
})
