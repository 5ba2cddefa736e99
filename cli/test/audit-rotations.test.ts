// keyhold audit verify --from, where the signing key was replaced: who has kept one key follows what it has signed about the next
// one, and the other way round, and nothing else.
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { chained, checkpointsOf, exportOf, headOf, keySet, record, signed } from './audit-chain.ts'
import { keyhold } from './run-keyhold.ts'
import { serveChain } from './serve-chain.ts'

interface TestKey {
  kid: string
  x: string
  /** Undefined: that of `signed`. */
  by: KeyObject | undefined
}

function newKey(kid: string): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return { kid, x: publicKey.export({ format: 'jwk' }).x ?? '', by: privateKey }
}

const first: TestKey = { kid: 'the-key', x: keySet.keys[0]?.x ?? '', by: undefined }
const [second, third, planted] = [newKey('second'), newKey('third'), newKey('planted')]
const sign = (payload: object, { kid, by }: TestKey) => signed(payload, kid, by)
const named = ({ kid, x }: TestKey) => ({ kid, x })
const rotatedAt = '2026-01-02T03:04:00.000Z'

function rotation(
  number: number,
  replaced: TestKey,
  successor: TestKey,
  by = [replaced, successor] as const,
) {
  const words = {
    ...{ type: 'keyhold/signing-key-rotation/1', installationId: 'an-id', number, rotatedAt },
    ...{ replaced: named(replaced), successor: named(successor) },
  }
  return { rotation: words, statement: sign(words, by[0]), counterstatement: sign(words, by[1]) }
}

const chain = chained([1, 2, 3].map((index) => record(index)))
const headBy = (key: TestKey, signedAt = '2026-01-02T03:04:05.678Z') => {
  const { head } = headOf(chain)
  return { head: { ...head, signedAt }, jws: sign({ ...head, signedAt }, key) }
}
/** The checkpoints are older, and signed with the first key. */
const exported = (head: ReturnType<typeof headBy>, ...rotations: object[]) => {
  const older = checkpointsOf(chain, [1, 2], { signedAt: '2026-01-01T00:00:00.000Z' })
  const [begin, ...rest] = exportOf(chain, older, head)
  return [begin, ...rotations, ...rest]
}

let folder: string
const jwks = (...keys: TestKey[]) => ({ keys: keys.map((key) => ({ ...keySet.keys[0], ...named(key) })) })
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhold-rotations-'))
  await writeFile(join(folder, 'first.json'), JSON.stringify(jwks(first)))
  await writeFile(join(folder, 'second.json'), JSON.stringify(jwks(second)))
  await writeFile(join(folder, 'third.json'), JSON.stringify(jwks(third)))
})
afterAll(() => rm(folder, { recursive: true }))

const verify = (keys: string, lines: readonly unknown[]) =>
  keyhold(['audit', 'verify', '--from', '-', '--keys', `${keys}.json`, '--json'], {
    ...{ env: {}, cwd: folder },
    stdin: lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
  })

const [one, two] = [rotation(1, first, second), rotation(2, second, third)]
test.each([
  ['the old key', 'first', [one], second],
  ['the oldest key of three', 'first', [one, two], third],
  ['the oldest key, in whatever order they come', 'first', [two, one], third],
  ['the key in the middle', 'second', [one, two], third],
  ['the newest key, which vouches for those before', 'third', [one, two], third],
])('%s that was kept is enough', async (_, kept, rotations, signer) => {
  const { stdout, exit } = await verify(kept, exported(headBy(signer), ...rotations))
  expect(exit).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    ...{ rotations: rotations.length, checkpoints: 2, head: { signedBy: signer.kid } },
  })
})

const impostor = { ...planted, kid: first.kid }
const successorOnly = rotation(1, planted, second)
test.each([
  ['the new key without its rotation', exported(headBy(second)), /names none of the keys/],
  [
    'a statement that the old key has not signed',
    exported(headBy(planted), rotation(1, first, planted, [impostor, planted])),
    /the key that it names did not make it/,
  ],
  [
    'a successor that has not signed',
    exported(headBy(second), rotation(1, first, second, [first, { ...planted, kid: second.kid }])),
    /by the new key is not valid/,
  ],
  [
    'a rotation between keys that nobody has kept',
    exported(headBy(planted), rotation(1, newKey('other'), planted)),
    /none of the keys that were kept vouches for the rotation in line 2/,
  ],
  [
    'another key by the id of one that was kept',
    exported(headBy(planted), rotation(1, impostor, planted)),
    /names another key by the id the-key/,
  ],
  [
    'two successors of one key',
    exported(headBy(third), one, rotation(1, first, third)),
    /names a second successor of the key the-key/,
  ],
  [
    'a planted key before one that has signed nothing about it',
    exported(headBy(planted), one, { ...successorOnly, counterstatement: one.counterstatement }),
    /other words/,
  ],
  [
    'other words than those that were signed',
    exported(headBy(second), { ...one, rotation: { ...one.rotation, number: 2 } }),
    /other words/,
  ],
  [
    'the old key after it was replaced',
    exported(headBy(first, '2026-01-02T03:06:00.000Z'), one),
    /signed with the key the-key after another one had taken its place/,
  ],
  ['a rotation behind the head', [...exported(headBy(first)), one], /comes after the head/],
  [
    'a rotation with more words',
    exported(headBy(second), { ...one, rotation: { ...one.rotation, note: 'x' } }),
    /holds no rotation of a signing key/,
  ],
])('%s is refused', async (_, lines, message) => {
  const { stdout, exit } = await verify('first', lines)
  expect(stdout).toMatch(message)
  expect(exit).toBeGreaterThan(0)
})

test('a server is verified with an old key, by what that has signed and the server keeps', async () => {
  const served = { audits: chain, head: headBy(second) }
  const ask = async (rotations: object[]) => {
    let outcome: unknown
    await serveChain({ ...served, rotations }, async (env) => {
      const { exit, stderr } = await keyhold(['audit', 'verify', '--keys', 'first.json'], {
        env,
        cwd: folder,
      })
      outcome = [exit, stderr]
    })
    return outcome
  }
  expect(await ask([{ number: 1, ...one, rotation: undefined }])).toEqual([0, ''])
  expect(await ask([])).toEqual([1, expect.stringContaining('names none of the keys')])
  expect(await ask([{ number: 1, ...rotation(1, planted, second), rotation: undefined }])).toEqual([
    1,
    expect.stringContaining('none of the keys that were kept vouches'),
  ])
})

test('an export carries the rotations of the server, before its head', async () => {
  await serveChain(
    { audits: chain, head: headBy(second), rotations: [{ number: 1, ...one }] },
    async (env) => {
      const { stdout } = await keyhold(['audit', 'export'], { env, cwd: folder })
      const lines = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown)
      expect(lines[1]).toEqual(one)
      expect(await verify('first', lines)).toMatchObject({ exit: 0 })
    },
  )
})
