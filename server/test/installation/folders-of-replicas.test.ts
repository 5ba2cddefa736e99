// Several replicas of one machine: each writes into a folder of its own, and what any of them has kept counts for all.
import { keyFromBytes } from '@keyhold/core'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { GenerationRecord } from '../../src/installation/generations/generation-records.ts'
import { keptGenerations } from '../../src/installation/generations/kept-generations.ts'
import { otherStateDirs, stateDir } from '../../src/settings/state-dir.ts'
import { createGenerations } from '../../src/store/authentic/seen-generations.ts'
import { loadGenerations } from '../../src/wiring/checkpoints/load-generations.ts'
import { findOlderChains } from '../../src/wiring/commands/restore/older-chains.ts'
import { keptCheckpoints } from '../../src/installation/kept-checkpoints.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-folders-'))
  await mkdir(path.join(folder, 'state/replica-2'), { recursive: true })
  await mkdir(path.join(folder, 'state/replica-10'))
  await mkdir(path.join(folder, 'state/replica-x'))
})
afterAll(() => rm(folder, { recursive: true }))

const settingsOf = (number?: number) => ({
  dataDir: folder,
  stateDir: undefined,
  ...(number !== undefined && { replica: { number, of: 2 } }),
})
const inState = (...names: string[]) => names.map((name) => path.join(folder, 'state', name))

test('the first replica, a single one and a command have the folder itself, and each knows all others', () => {
  const [own = ''] = inState('')
  for (const settings of [settingsOf(), settingsOf(1)]) {
    expect(path.resolve(stateDir(settings))).toBe(path.resolve(own))
    expect(otherStateDirs(settings)).toEqual(inState('replica-10', 'replica-2'))
  }
  expect(stateDir(settingsOf(2))).toBe(inState('replica-2')[0])
  expect(otherStateDirs(settingsOf(2)).map((each) => path.resolve(each))).toEqual([
    path.resolve(own),
    ...inState('replica-10'),
  ])
  expect(otherStateDirs({ dataDir: path.join(folder, 'none'), stateDir: undefined })).toEqual([])
})

const rootKey = {
  ...{ id: '01'.repeat(8), key: Buffer.alloc(32, 1), requiresMacs: true },
  installationId: '00000000-0000-4000-8000-000000000001',
}

test('what another replica has kept is remembered, and hides nothing that this one still has to read', async () => {
  const ring = {
    rootKeyId: rootKey.id,
    rootKey: keyFromBytes(rootKey.key),
    installationId: rootKey.installationId,
  }
  const write = (stateDir: string, records: GenerationRecord[]) =>
    keptGenerations({ stateDir, ring }).append(records, new Date())
  const fence = (tenantId: string, generation: number, facts: boolean): GenerationRecord =>
    ({
      ...{ kind: 'fence', tenantId, generation },
      known: facts ? { generation, facts: {} } : undefined,
    }) as unknown as GenerationRecord
  const installation = (generation: number): GenerationRecord => ({
    ...{ kind: 'installation', tenantId: '', generation, known: undefined },
  })
  await write(stateDir(settingsOf(1)), [installation(5), fence('a', 4, false), fence('b', 1, true)])
  await write(stateDir(settingsOf(2)), [installation(9), fence('a', 3, true), fence('b', 2, true)])

  const load = async (number: number, shown: number) => {
    const generations = createGenerations()
    const loaded = await loadGenerations(
      {
        store: {
          installation: { glanceAtGeneration: () => Promise.resolve(shown) },
          macs: { requiresMacs: () => true, seal: () => undefined },
        } as never,
        ...{ generations, rootKey: { ...rootKey, key: ring.rootKey } },
        stateDir: stateDir(settingsOf(number)),
        otherStateDirs: otherStateDirs(settingsOf(number)),
      },
      pino({ level: 'silent' }),
    )
    return { ...loaded, fences: ['a', 'b'].map((name) => generations.fences.get(name)) }
  }
  for (const number of [1, 2, 3]) {
    expect((await load(number, 7)).isQuarantined).toBe(true)
    const { isQuarantined, fences, tenants, unclear } = await load(number, 9)
    expect({ isQuarantined, fences, tenants }).toEqual({
      ...{ isQuarantined: false, fences: [4, 2], tenants: ['a', 'b'] },
    })
    expect(unclear.filter(({ kind }) => kind === 'fence').map(({ tenantId }) => tenantId)).toEqual(['a'])
  }
})

test('a restore sees what any of them has signed', async () => {
  const sign = (number: number, tenantId: string, sequence: number) =>
    keptCheckpoints({ stateDir: stateDir(settingsOf(number)), isOwnKey: () => true }).append([
      {
        jws: 'a.b.c',
        checkpoint: {
          ...{ type: 'keyhold/audit-checkpoint/1', tenantId, sequence, hash: 'ab'.repeat(32) },
          ...{ number: sequence, previous: '0'.repeat(64), signedAt: '2026-01-02T03:04:05.678Z' },
        },
      },
    ])
  await sign(1, 'a', 3)
  await sign(2, 'a', 8)
  await sign(2, 'b', 1)
  const audits = { findHead: () => Promise.resolve({ sequence: 4 }) } as never
  const folders = [stateDir(settingsOf()), ...otherStateDirs(settingsOf())]
  const { chains, files } = await findOlderChains({ audits }, folders)
  expect(chains).toEqual([{ tenantId: 'a', shown: 4, signed: 8 }])
  expect(files).toEqual([path.join(folder, 'state/replica-2/audit-checkpoints.ndjson')])
})
