// A driver that lies to running replicas gets nothing from them that the true state forbids.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSeededRandom } from '../../testkit/src/statistics/seeded-random.ts'
import { restoreRows } from '../src/forge/kept-rows.ts'
import { lie, lies, type Lie } from '../src/forge/lying-driver.ts'
import { poke, read, readFacts, readTruth, type Truth } from '../src/forge/poke.ts'
import { openStage, type Stage } from '../src/forge/stage.ts'

let stage: Stage
let truth: Truth
beforeAll(async () => {
  stage = await openStage()
  truth = await readTruth(stage)
}, 120_000)
afterAll(() => stage.close())

const rounds = 5

test.each<Lie>([...lies])(
  '%s: nothing follows that the true state forbids',
  async (how) => {
    await stage.restart(() => restoreRows(stage.query))
    // Both have seen the newest state.
    for (const replica of [stage.warm, stage.cold]) await read(stage, replica)
    const facts = await readFacts(stage)
    const driver = lie(how, createSeededRandom(7))
    try {
      for (let round = 0; round < rounds; round++)
        for (const replica of [stage.warm, stage.cold]) {
          const { forbidden } = await poke(stage, replica, truth, facts)
          expect(forbidden).toEqual([])
        }
      expect(driver.told()).toBeGreaterThan(0)
    } finally {
      driver.stop()
    }
  },
  240_000,
)

test('functions that shadow those of PostgreSQL, triggers that swallow writes: nothing follows either', async () => {
  await stage.restart(() => restoreRows(stage.query))
  const facts = await readFacts(stage)
  const { database } = stage.connection
  await stage.query(`create schema evil;
    create function evil.now() returns timestamptz language sql as $$ select pg_catalog.now() + interval '31 days' $$;
    alter database ${database} set search_path = evil, pg_catalog;
    create function evil.swallow() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger swallow before insert or update or delete on keyhold.tenant_guards for each row execute function evil.swallow();
    create trigger swallow before insert or update or delete on keyhold.destructions for each row execute function evil.swallow();
    create trigger swallow before insert on keyhold.cipherkeys for each row execute function evil.swallow()`)
  const fresh = await stage.startFresh(false)
  try {
    for (const replica of [stage.warm, stage.cold, fresh]) {
      const { forbidden } = await poke(stage, replica, truth, facts)
      // A write that the database swallows is reported as done: the key is lost, which no replica can see.
      expect(forbidden.filter((each) => !each.endsWith('under a data key that is not stored'))).toEqual([])
    }
  } finally {
    await fresh.stop()
  }
}, 240_000)
