// The public vectors of JSON Web Signatures, which are not in this repository, through our own reading of keys and of signatures.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { keyTypeOf } from '../../src/issuers/algorithms.ts'
import { parseJwks } from '../../src/issuers/keys/parse-jwks.ts'
import { verifySignature } from '../../src/issuers/tokens/verify-signature.ts'

interface Group {
  comment: string
  private?: Record<string, unknown>
  public?: Record<string, unknown>
  tests: { tcId: number; comment: string; jws: string; result: 'valid' | 'invalid' }[]
}

const projectRoot = path.join(import.meta.dirname, '..', '..', '..')
const folder = process.env.KEYHOLD_VECTORS ?? path.join(projectRoot, '..', 'shared', 'vectors', 'wycheproof')
const file = path.join(folder, 'json_web_signature_test.json')
const keysFile = path.join(folder, 'json_web_key_test.json')

const privateMembers = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth'])

/** The ids of cases that are accepted. */
async function acceptedOf(group: Group): Promise<number[]> {
  const { kid, alg, ...jwk } = (group.public ?? group.private) as { kid?: string; alg?: string }
  const algorithm = alg ?? ''
  if (keyTypeOf([algorithm]) === undefined) return []
  const members = Object.entries(jwk).filter(([name]) => !privateMembers.has(name))
  const set = JSON.stringify({ keys: [{ ...Object.fromEntries(members), alg: algorithm, kid: kid ?? 'k' }] })
  const key = parseJwks(Buffer.from(set), [algorithm]).get(kid ?? 'k')?.key
  if (key === undefined) throw new TypeError('a group without its key')
  const accepted: number[] = []
  for (const { tcId, jws } of group.tests) {
    await verifySignature(jws, key, algorithm).then(
      () => accepted.push(tcId),
      () => undefined,
    )
  }
  return accepted
}

interface KeyGroup {
  comment: string
  private?: { keys?: Record<string, unknown>[] }
  public?: { keys?: Record<string, unknown>[] }
  tests: { tcId: number; jws?: string; result: 'valid' | 'invalid' }[]
}

/** As a token comes: its header chooses the key of a set, and the algorithm is one that its issuer may have. */
async function isAcceptedBySet(jws: string, keys: readonly Record<string, unknown>[]): Promise<boolean> {
  const header = JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString()) as {
    alg: string
    kid: string
  }
  if (keyTypeOf([header.alg]) === undefined) return false
  try {
    const set = parseJwks(Buffer.from(JSON.stringify({ keys })), [header.alg])
    const found = set.get(header.kid)
    if (found === undefined || (found.algorithm !== undefined && found.algorithm !== header.alg)) return false
    await verifySignature(jws, found.key, header.alg)
    return true
  } catch {
    return false
  }
}

if (!existsSync(file)) {
  const name = `SKIPPED: the Wycheproof vectors are missing: no file ${file} (KEYHOLD_VECTORS names another folder)`
  process.stderr.write(`${name}\n`)
  test.skip(name)
} else {
  test('of 401 signatures those that hold are accepted, but for algorithms that Keyhold does not have', async () => {
    const { testGroups } = JSON.parse(readFileSync(file, 'utf8')) as { testGroups: Group[] }
    const cases = testGroups.flatMap(({ tests }) => tests)
    expect(cases).toHaveLength(401)
    const accepted = (await Promise.all(testGroups.map(acceptedOf))).flat()
    const valid = cases.filter(({ result }) => result === 'valid')
    expect(accepted.filter((id) => !valid.some(({ tcId }) => tcId === id))).toEqual([])
    const missed = testGroups.filter(({ tests }) =>
      tests.some(({ tcId, result }) => result === 'valid' && !accepted.includes(tcId)),
    )
    const keys = missed.map(
      ({ comment, ...group }) => `${comment} ${String((group.public ?? group.private)?.alg)}`,
    )
    // A secret that both sides know, a word that is no algorithm, and a token of PS384 by a key for PS256.
    expect([...new Set(keys)].sort()).toEqual([
      ...['base64 HS256', 'hs256 HS256', 'rfc7520 ES521', 'rfc7520 HS256', 'rfc7520 PS256'],
      ...['rfc7520WithKeyOps ES521', 'rfc7520WithKeyOps PS256'],
    ])
    expect([accepted.length, valid.length]).toEqual([32, 46])
  })

  test('of 26 sets of keys none that is faulty lets a signature in', async () => {
    const { testGroups } = JSON.parse(readFileSync(keysFile, 'utf8')) as { testGroups: KeyGroup[] }
    const accepted: string[] = []
    let tried = 0
    for (const { comment, tests, ...group } of testGroups) {
      const keys = (group.public ?? group.private)?.keys ?? []
      for (const { tcId, jws = '', result } of tests) {
        tried++
        if (await isAcceptedBySet(jws, keys)) accepted.push(`${tcId} ${comment} ${result}`)
      }
    }
    expect(tried).toBe(26)
    expect(accepted).toEqual(['5 rs256 valid'])
  })
}
