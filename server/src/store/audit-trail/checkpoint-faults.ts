// Checkpoints that contradict each other or the records of their chain. Signatures are not verified here: what makes them is
// not in the database.
import { createHash } from 'node:crypto'
import type pg from 'pg'

export interface CheckpointFault {
  /** Of the first wrong checkpoint. */
  number: number
  message: string
}

const checkpointsAtOnce = 1_000
const noneBefore = '0'.repeat(64)

/** Answers the first fault of a chain. */
export async function findCheckpointFault(
  client: Pick<pg.Client, 'query'>,
  chain: string,
): Promise<CheckpointFault | undefined> {
  let expected = 1
  let previous = noneBefore
  let sequence = 0
  for (;;) {
    const { rows } = await client.query<{ number: number; jws: string }>(
      `select number::int, jws from keyhold.audit_checkpoints
        where chain = $1 and number >= $2 order by number limit $3`,
      [chain, expected, checkpointsAtOnce],
    )
    const said = rows.map(({ jws }) => payloadOf(jws))
    const hashes = await hashesAt(client, chain, said)
    for (const [index, { number, jws }] of rows.entries()) {
      const payload = said[index] ?? {}
      const wrong = (why: string): CheckpointFault => ({
        number: expected,
        message: `checkpoint ${expected} of chain "${chain}" ${why}`,
      })
      if (number !== expected) return wrong('is missing')
      if ((payload.tenantId ?? '') !== chain || payload.number !== number)
        return wrong('is none of this chain and place')
      if (payload.previous !== previous) return wrong('does not follow from the one before it')
      if (!(Number(payload.sequence) > sequence)) return wrong('names no more records than the one before it')
      if (hashes.get(Number(payload.sequence)) !== payload.hash)
        return wrong(`says something else of record ${Number(payload.sequence)} than is there`)
      expected += 1
      previous = createHash('sha256').update(jws).digest('hex')
      sequence = Number(payload.sequence)
    }
    if (rows.length < checkpointsAtOnce) return undefined
  }
}

async function hashesAt(
  client: Pick<pg.Client, 'query'>,
  chain: string,
  said: readonly Record<string, unknown>[],
): Promise<Map<number, string>> {
  const sequences = said.map(({ sequence }) => sequence).filter((sequence) => Number.isSafeInteger(sequence))
  const { rows } = await client.query<{ sequence: number; hash: Buffer }>(
    'select sequence::int, hash from keyhold.audits where chain = $1 and sequence = any($2::bigint[])',
    [chain, sequences],
  )
  return new Map(rows.map((row) => [row.sequence, row.hash.toString('hex')]))
}

function payloadOf(jws: string): Record<string, unknown> {
  try {
    const payload: unknown = JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString())
    return typeof payload === 'object' && payload !== null ? { ...payload } : {}
  } catch {
    return {}
  }
}
