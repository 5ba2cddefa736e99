// Plays pairs of a refusal and an outage in both orders, on two replicas: one holds keys for an hour, the other one not at all.
// Nothing that was refused may open, and nothing that is merely away may lock.
import { kindOf } from '@keyhold/core'
import { expect } from 'vitest'
import { startSecondReplica } from '../../../../testkit/src/server/start-second-replica.ts'
import { at } from '../../http/read-body.ts'
import type { CausePair } from './cause-pairs.ts'
import { isClosed, kindOfAnswer } from './kind-of-answer.ts'
import { causeTimings, own, prepareAll, startCauseScene, type CauseScene, type Key } from './cause-scene.ts'

const patience = { timeout: 60_000, interval: 500 }
const holdsSeconds = 3_600

interface Playing extends CausePair {
  key: Key
  name: string
}

type Undo = (() => unknown) | undefined

export async function playSequences(pairs: readonly CausePair[]): Promise<void> {
  const scene = await startCauseScene(holdsSeconds)
  const startFresh = () =>
    startSecondReplica(
      scene.server,
      { KEYHOLD_KEY_CACHE_TTL_SECONDS: '0', KEYHOLD_KEY_PROBE_SECONDS: '1' },
      causeTimings,
    )
  let fresh = await startFresh()
  try {
    const playing: Playing[] = (await prepareAll(scene, pairs)).map((pair) => ({
      ...pair,
      name: `${pair.refusal.cause} | ${pair.away.cause}`,
    }))
    await eachOf(playing, async ({ key, name }) => {
      expect([name, await answerAt(scene.server.url, key)]).toEqual([name, '200'])
    })

    const endAway = await produceAll(scene, playing, 'away')
    await eachOf(playing, (pair) => expectMerelyAway(pair, scene.server.url, fresh.url))
    const takeBack = await produceAll(scene, playing, 'refusal')
    await undo(endAway)
    await eachOf(playing, ({ key, name }) => untilRefused(name, [scene.server.url, fresh.url], key))

    // The same again, and then the whole region is lost. One of the replicas has met nothing of what was before.
    const endAwayAgain = await produceAll(scene, playing, 'away')
    await eachOf(playing, (pair) => expectClosed(pair, [scene.server.url, fresh.url]))
    await fresh.stop()
    scene.server.kms.regions.takeDown(own, 'refused')
    fresh = await startFresh()
    await eachOf(playing, (pair) => expectClosed(pair, [scene.server.url, fresh.url]))
    scene.server.kms.regions.bringBack(own)
    await undo(endAwayAgain)

    await undo(takeBack)
    await eachOf(playing, async ({ key, name }) => {
      for (const url of [scene.server.url, fresh.url])
        await expect.poll(() => answerAt(url, key), { ...patience, message: name }).toBe('200')
    })
  } finally {
    await fresh.stop()
    await scene.stop()
  }
}

async function eachOf(playing: readonly Playing[], look: (pair: Playing) => Promise<void>): Promise<void> {
  await Promise.all(playing.map(look))
}

function produceAll(
  scene: CauseScene,
  playing: readonly Playing[],
  what: 'refusal' | 'away',
): Promise<Undo[]> {
  return Promise.all(playing.map(({ key, [what]: { produce } }) => produce(scene, key)))
}

async function undo(all: readonly Undo[]): Promise<void> {
  for (const each of all) await each?.()
}

/** Where keys are held, nothing is noticed. Where they are not, a replica key answers, or nobody does for now. */
async function expectMerelyAway({ key, name, away, hasReplica }: Playing, holding: string, fresh: string) {
  const [, code = ''] = away.answer.split(' ')
  const standsIn = hasReplica && kindOf(code) !== 'ours'
  // A busy machine may be an outage of its own for a moment, but never a refusal.
  const refusals: string[] = []
  const now = async () => {
    const seen = await Promise.all([answerAt(fresh, key), answerAt(holding, key)])
    refusals.push(...seen.filter(isRefusal))
    return seen
  }
  await expect.poll(now, { ...patience, message: name }).toEqual([standsIn ? '200' : away.answer, '200'])
  expect([name, refusals]).toEqual([name, []])
}

async function untilRefused(name: string, urls: readonly string[], key: Key): Promise<void> {
  for (const url of urls) {
    await expect
      .poll(async () => isRefusal(await answerAt(url, key)), { ...patience, message: name })
      .toBe(true)
  }
}

function isRefusal(answer: string): boolean {
  return ['denial', 'damage'].includes(kindOfAnswer(answer))
}

/** Each says that it does not open it: a mistake of the server would say nothing about the key. */
async function expectClosed({ key, name }: Playing, urls: readonly string[]): Promise<void> {
  const seen = await Promise.all(urls.map((url) => answerAt(url, key)))
  expect([name, seen.filter((answer) => !isClosed(answer))]).toEqual([name, []])
}

async function answerAt(url: string, { tenant, tokens }: Key): Promise<string> {
  const reply = await fetch(`${url}/api/v1/encryption/decrypt`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tenant.serviceToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ items: tokens.map((token) => ({ token })) }),
  })
  const body: unknown = await reply.json()
  return reply.status === 200 ? '200' : `${reply.status} ${String(at(body, 'errors', 0, 'code'))}`
}
