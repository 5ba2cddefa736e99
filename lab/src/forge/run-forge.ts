// Tries attacks one after the other, each from the true state: on a replica that holds the keys, on one that asks for each
// request, and on one that starts when the attack is done.
import { sql } from 'kysely'
import { readRootKeyFile } from '../../../server/src/kms/root-key-file.ts'
import { createRowMacs } from '../../../server/src/store/authentic/row-macs.ts'
import { signRows } from '../../../server/src/store/authentic/sign-rows.ts'
import { steeringKinds } from '../../../server/src/store/authentic/steering-kinds.ts'
import { openDatabase } from '../../../server/src/store/database.ts'
import { warmRootKey } from '../../../testkit/src/database/warm-start.ts'
import { indexOfAttack, makeAttacks, nameOf, type Attack } from './attacks.ts'
import { catalogQuery, type CatalogColumn } from './catalog.ts'
import { digestOfRows, restoreRows } from './kept-rows.ts'
import { gapOf } from './known-gaps.ts'
import { forbiddenInRows, poke, read, readFacts, readTruth, type Poked, type Truth } from './poke.ts'
import { textOf, ways, type Verdict, type Way } from './verdicts.ts'
import { openStage, plantedKeyId, type Stage } from './stage.ts'

export interface TriedAttack {
  attack: Attack
  verdicts: Record<Way, Verdict>
}

export interface ForgeOptions {
  /** Of all attacks, those that are tried. */
  choose: (attacks: Attack[]) => Attack[]
  /** The first of these that is tried, as `indexOfAttack` finds it. Undefined: all are. */
  from?: string | undefined
  say: (line: string) => void
}

export async function runForge({ choose, from = '1', say }: ForgeOptions): Promise<TriedAttack[]> {
  const stage = await openStage()
  try {
    const catalog = (await stage.query(catalogQuery)) as unknown as CatalogColumn[]
    const attacks = choose(makeAttacks(catalog, { foreignArn: stage.foreignArn, plantedKeyId }))
    const begin = attacks.length === 0 ? 0 : indexOfAttack(attacks, from)
    await dropConditions(stage)
    await restart(stage)
    const truth = await readTruth(stage)
    const digest = await digestOfRows(stage.query)
    const tried: TriedAttack[] = []
    for (const [index, attack] of attacks.entries()) {
      if (index < begin) continue
      const verdicts = await tryAttack(stage, truth, attack, digest)
      tried.push({ attack, verdicts })
      const line = ways.map((way) => `${way} ${textOf(verdicts[way])}`).join(', ')
      say(`${index + 1}/${attacks.length} ${nameOf(attack)}: ${line}`)
      for (const way of ways) {
        const verdict = verdicts[way]
        if (verdict.is === 'refused') say(`    ${way}: ${verdict.by.join('; ')}`)
      }
    }
    return tried
  } finally {
    await stage.close()
  }
}

/** Whoever owns the tables that steer is kept by no condition of theirs, but for the primary keys. */
async function dropConditions({ query }: Stage): Promise<void> {
  const steering = [...new Set(Object.values(steeringKinds).map(({ table }) => `'${table}'`))].join()
  const tables = `select oid from pg_class where relnamespace = 'keyhold'::regnamespace and relname in (${steering})`
  const found = await query(`select conrelid::regclass as "table", conname as name from pg_constraint
    where conrelid in (${tables}) and contype in ('c', 'u')`)
  for (const { table, name } of found)
    await query(`alter table ${String(table)} drop constraint "${String(name)}" cascade`)
  const indexes = await query(`select indexrelid::regclass as name from pg_index
    where indrelid in (${tables}) and indisunique and not indisprimary`)
  for (const { name } of indexes) await query(`drop index ${String(name)}`)
}

const restart = (stage: Stage) => stage.restart(() => restoreRows(stage.query))

async function tryAttack(
  stage: Stage,
  truth: Truth,
  attack: Attack,
  digest: string,
): Promise<TriedAttack['verdicts']> {
  // Both have seen the true state, and the warm one holds keys from it.
  const areTrue = async () => {
    const found = await Promise.all([stage.warm, stage.cold].map((replica) => read(stage, replica)))
    return found.every(({ outcomes }) => outcomes.join('\n') === truth.readings)
  }
  if (!(await areTrue())) {
    await restart(stage)
    if (!(await areTrue())) throw new Error('the installation does not work without an attack')
  }
  try {
    await stage.query(attack.sql)
    if (attack.signsAsClone !== undefined) await signAsClone(stage, attack)
  } catch (error) {
    await stage.query('rollback').catch(() => undefined)
    if (!isRefusedByTables(error)) throw new Error(`${nameOf(attack)}: ${attack.sql}`, { cause: error })
    const impossible = { is: 'impossible' } as const
    return { warm: impossible, cold: impossible, restart: impossible, 'restart with state': impossible }
  }
  const attacked = await digestOfRows(stage.query)
  const facts = await readFacts(stage)
  const judge = (way: Way, poked: Poked) => verdictOf(attack, way, poked, truth)
  const warm = judge('warm', await poke(stage, stage.warm, truth, facts))
  const cold = judge('cold', await poke(stage, stage.cold, truth, facts))
  const fresh = judge('restart', await pokeFresh(stage, truth, facts, false))
  // Whoever knows more refuses what one who knows nothing refuses.
  let known = fresh
  if (fresh.is === 'gap') {
    // The attack has had its consequences: it begins anew.
    await restoreRows(stage.query)
    await stage.query(attack.sql)
    const before = await readFacts(stage)
    known = judge('restart with state', await pokeFresh(stage, truth, before, true))
  }
  const isUntouched = (await digestOfRows(stage.query)) === attacked
  if (isUntouched) await restoreRows(stage.query)
  if (!isUntouched || (await digestOfRows(stage.query)) !== digest || warm.is === 'broken')
    await restart(stage)
  return { warm, cold, restart: fresh, 'restart with state': known }
}

async function pokeFresh(
  stage: Stage,
  truth: Truth,
  facts: Awaited<ReturnType<typeof readFacts>>,
  hasState: boolean,
) {
  let replica
  try {
    replica = await stage.startFresh(hasState)
  } catch (error) {
    // A replica that does not start answers nothing.
    const forbidden = await forbiddenInRows(stage, facts)
    return { forbidden, outcomes: `does not start: ${String(error)}`, faults: 0 }
  }
  try {
    return await poke(stage, replica, truth, facts)
  } finally {
    await replica.stop()
  }
}

function verdictOf(attack: Attack, way: Way, { forbidden, outcomes, faults }: Poked, truth: Truth): Verdict {
  if (forbidden.length > 0) {
    const gap = gapOf(attack, way, forbidden)
    return gap === undefined ? { is: 'broken', forbidden } : { is: 'gap', gap, forbidden }
  }
  const usual = new Set(truth.outcomes.split('\n'))
  const by = [
    ...outcomes.split('\n').filter((outcome) => !usual.has(outcome)),
    ...(faults > 0 ? [`${faults} faulty rows in the log`] : []),
  ]
  return by.length > 0 ? { is: 'refused', by } : { is: 'no effect' }
}

/** Class 23: what the tables themselves keep out. 22, 42804: no value of that type. */
function isRefusedByTables(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^(23|22)/.test(code)
}

/** Signs the changed rows as an installation with the same root key and another id would. */
async function signAsClone({ connection }: Stage, { signsAsClone }: Attack): Promise<void> {
  if (signsAsClone === undefined) return
  const rootKey = await readRootKeyFile(warmRootKey())
  if (rootKey === undefined) throw new Error('there is no root key')
  const macs = createRowMacs()
  const installationId = crypto.randomUUID()
  macs.open({ rootKeyId: rootKey.id, rootKey: rootKey.key, installationId, requiresMacs: true })
  const db = openDatabase(connection, {
    maxConnections: 1,
    applicationName: 'forge',
    onError: () => undefined,
  })
  try {
    await db.transaction().execute(async (transaction) => {
      await sql`set local session_replication_role = replica`.execute(transaction)
      await signRows(transaction, macs, signsAsClone, sql`true`)
    })
  } finally {
    await db.destroy()
  }
}
