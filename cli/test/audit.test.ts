// keyhold audit list and verify against servers that tell the truth, and against some that do not.
import type { Audit, AuditHead } from '@keyhold/client'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chained, headOf, record } from './audit-chain.ts'
import { keyhold } from './run-keyhold.ts'
import { serveChain } from './serve-chain.ts'

interface Served {
  audits: Audit[]
  head: AuditHead
  forged?: number
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhold-audit-'))
})
afterAll(() => rm(folder, { recursive: true }))

const honest = chained([1, 2, 3, 4, 5].map((index) => record(index)))
const truth: Served = { audits: honest, head: headOf(honest) }

/** Answers what the command printed, and what it has asked. */
async function run(served: Served, ...args: string[]) {
  let outcome: Awaited<ReturnType<typeof keyhold>> & { asked: readonly string[] } = {
    ...{ stdout: '', stderr: '', exit: null, asked: [] },
  }
  await serveChain(served, async (env, asked) => {
    outcome = { ...(await keyhold(['audit', ...args], { env, cwd: folder })), asked }
  })
  return outcome
}

async function keep(name: string, head: unknown): Promise<string> {
  await writeFile(join(folder, name), JSON.stringify(head))
  return name
}

describe('list', () => {
  test('shows the newest ones, in order', async () => {
    const { stdout, exit, asked } = await run(truth, 'list', '--last', '2')

    expect(exit).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^NO +TIME +ACTOR +ACTION +TARGET +DETAILS$/)
    expect(lines.slice(1).map((line) => line.split(/ {2,}/))).toEqual(
      [4, 5].map((index) => [
        String(index),
        '2026-01-02 03:04:05 UTC',
        'abcdefghij012345 (tenant-admin)',
        'keyprovider.create',
        `key-provider fingerprint-${index}`,
        `keyArn=arn:${index} ä=€`,
      ]),
    )
    expect(asked.at(-1)).toBe('Bearer of-the-admin /api/v1/encryption/audits?after=3&limit=1000')
  })

  test('shortens a signed statement among the details', async () => {
    const statement = 'x'.repeat(600)
    const audits = chained([record(1, { details: { number: '1', statement } })])
    const { stdout } = await run({ audits, head: headOf(audits) }, 'list')
    expect(stdout).toContain(`number=1 statement=${'x'.repeat(24)}…`)
    expect(stdout).not.toContain('x'.repeat(25))
  })

  test('shows all of them as JSON, page after page', async () => {
    const { stdout } = await run(truth, 'list', '--all', '--json')

    expect(JSON.parse(stdout)).toEqual({ audits: honest })
  })

  test.each([
    [['--operator'], '/api/v1/audits?after=0&limit=1000'],
    [['--tenant', 'acme'], '/api/v1/audits?after=0&limit=1000&tenantId=acme'],
  ])('asks for the chain of %s with an operator token', async (options, path) => {
    const { asked } = await run(truth, 'list', '--after', '0', ...options)

    expect(asked[0]).toBe(`Bearer of-the-operator ${path}`)
  })
})

describe('verify', () => {
  test('finds everything in order, saves the head, and finds it again', async () => {
    const first = await run(truth, 'verify', '--save-head', 'head.json')
    expect(first).toMatchObject({ exit: 0 })
    expect(first.stdout).toContain('5, all as they were recorded')
    expect(first.stdout).toContain('valid, of key the-key')
    expect(first.stdout).toContain('none was given')
    expect(JSON.parse(await readFile(join(folder, 'head.json'), 'utf8'))).toEqual(truth.head)

    const grown = chained([...honest, record(6)])
    const longer = { audits: grown, head: headOf(grown) }
    const second = await run(longer, 'verify', '--head', 'head.json', '--save-head', 'head.json')
    expect(second.stdout).toContain('in its place, after record 5')
    expect(JSON.parse(await readFile(join(folder, 'head.json'), 'utf8'))).toEqual(longer.head)
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  test('ignores records that came after the head', async () => {
    const grown = chained([...honest, record(6)])
    expect(await run({ audits: grown, head: truth.head }, 'verify')).toMatchObject({ exit: 0 })
  })

  test('knows an empty chain', async () => {
    const empty = { audits: [], head: headOf([]) }
    const { stdout, exit } = await run(empty, 'verify', '--json')

    expect([exit, JSON.parse(stdout)]).toMatchObject([0, { head: { sequence: 0 }, signedBy: 'the-key' }])
  })

  test("checks with keys that were kept, and not with the server's", async () => {
    await keep('others.json', { keys: [] })
    const { stderr, exit, asked } = await run(truth, 'verify', '--keys', 'others.json')

    expect([exit, stderr]).toEqual([1, expect.stringContaining('the signature of the head is not valid')])
    expect(asked.join()).not.toContain('signing-keys')
  })

  const changed = (index: number, changes: Partial<Audit>) =>
    honest.map((audit) => (audit.sequence === index ? { ...audit, ...changes } : audit))
  const rewritten = chained(honest.map((audit) => ({ ...audit, actor: { id: 'system' } })))
  const [, , third, fourth] = honest

  test.each<[string, Served, RegExp]>([
    [
      'a detail',
      { ...truth, audits: changed(3, { details: { keyArn: 'arn:other' } }) },
      /record 3, or one before it, is not as it was recorded/,
    ],
    [
      'a time',
      { ...truth, audits: changed(2, { at: '2026-01-02T03:04:05.999Z' }) },
      /record 2, or one before it, is not as it was recorded/,
    ],
    [
      'no time at all',
      { ...truth, audits: changed(2, { at: 'never' }) },
      /record 2, or one before it, is not as it was recorded/,
    ],
    [
      'an id',
      { ...truth, audits: changed(2, { id: 'x' }) },
      /record 2, or one before it, is not as it was recorded/,
    ],
    [
      'a trace id taken out',
      { ...truth, audits: changed(1, { traceId: undefined as never }) },
      /record 1, or one before it, is not as it was recorded/,
    ],
    [
      'another chain',
      { ...truth, audits: changed(4, { tenantId: 'other' }) },
      /record 4 belongs to another chain/,
    ],
    [
      'one missing',
      { ...truth, audits: honest.filter(({ sequence }) => sequence !== 3) },
      /record 3 is missing/,
    ],
    [
      'two exchanged',
      {
        ...truth,
        audits: changed(3, { ...fourth, sequence: 3 }).map((a) =>
          a.sequence === 4 ? ({ ...third, sequence: 4 } as Audit) : a,
        ),
      },
      /record 3, or one before it, is not as it was recorded/,
    ],
    [
      'the end missing',
      { ...truth, audits: honest.slice(0, 4) },
      /ends after record 4, but its signed head names 5/,
    ],
    ['all computed again', { ...truth, audits: rewritten }, /up to record 5 the chain is not the one/],
    [
      'a record whose MAC is wrong, though its hash is right',
      { ...truth, forged: 4 },
      /record 4 was not written by Keyhold: its message authentication code is wrong/,
    ],
    [
      'a wrong hash before a wrong MAC',
      { ...truth, forged: 4, audits: changed(3, { details: { keyArn: 'arn:other' } }) },
      /record 3, or one before it, is not as it was recorded/,
    ],
    [
      'a forged head',
      { audits: rewritten, head: { ...truth.head, head: headOf(rewritten).head } },
      /the signature of the head is not valid: it is the signature of other words/,
    ],
  ])('finds %s', async (_, served, message) => {
    const { stderr, exit } = await run(served, 'verify', '--save-head', 'never.json')

    expect(stderr).toMatch(message)
    expect(exit).toBe(1)
    expect(await readdir(folder)).not.toContain('never.json')
  })

  describe('against a head that was kept', () => {
    const short = honest.slice(0, 3)

    test.each<[string, Served, RegExp]>([
      [
        'an end that was cut off, head and all',
        { audits: short, head: headOf(short) },
        /ends after record 3, but the head kept on 2026-01-02T03:04:05.678Z names 5 records/,
      ],
      [
        'a chain computed again, head and all',
        { audits: rewritten, head: headOf(rewritten) },
        /up to record 5 the chain is not the one whose head was signed on 2026/,
      ],
    ])('finds %s', async (_, served, message) => {
      expect(await run(served, 'verify')).toMatchObject({ exit: 0 })
      const { stderr, exit } = await run(served, 'verify', '--head', await keep('kept.json', truth.head))

      expect(stderr).toMatch(message)
      expect(stderr).toContain('hint: somebody has changed the database')
      expect(exit).toBe(1)
    })

    test.each<[string, unknown, number, RegExp]>([
      ['of another chain', headOf(honest, null), 2, /is of the installation, not of tenant acme/],
      ['that is not one', { jws: 'x' }, 2, /holds no head of an audit chain/],
      [
        'that somebody has changed',
        { ...truth.head, head: { ...truth.head.head, sequence: 2 } },
        1,
        /the signature of the head in kept.json is not valid/,
      ],
    ])('refuses one %s', async (_, kept, expected, message) => {
      const { stderr, exit } = await run(truth, 'verify', '--head', await keep('kept.json', kept))

      expect(stderr).toMatch(message)
      expect(exit).toBe(expected)
    })
  })
})
