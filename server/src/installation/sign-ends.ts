// Signs the ends of chains of audit records under the lock of their heads. The database is asked, not believed: nothing is
// signed that contradicts what was signed before, whether the database still has that, or only this replica knows it.
import type { HoldSigner, Sign } from '../store/authentic/hold-signer.ts'
import type { ChainEnd, LockedEnd, StoredCheckpoint } from '../store/audit-trail/audit-checkpoints.ts'
import type { DatabaseClock } from '../store/database-clock.ts'
import type { TransactionStore } from '../store/store.ts'
import {
  chainOf,
  knownOf,
  noCheckpointBefore,
  checkpointDigest,
  readStored,
  type AuditCheckpoint,
  type KnownCheckpoint,
  type SignedCheckpoint,
} from './audit-checkpoint.ts'

/**
 * How a chain contradicts what was signed about it.
 *
 * - `chain-missing`: it has no head.
 * - `head-not-authentic`: Keyhold did not write its head.
 * - `head-older`, `record-changed`: it ends before the record that a checkpoint names, or that record has another hash.
 * - `head-wrong`: its last record is not the one that its head names.
 * - `checkpoint-missing`, `checkpoint-changed`: the database has lost a checkpoint, or has another one in its place.
 * - `checkpoint-foreign`: its newest checkpoint was not signed by this installation for this chain.
 */
export type Contradiction =
  | 'chain-missing'
  | 'head-not-authentic'
  | 'head-older'
  | 'head-wrong'
  | 'record-changed'
  | 'checkpoint-missing'
  | 'checkpoint-changed'
  | 'checkpoint-foreign'

export interface SigningParts {
  holdSigner: HoldSigner
  /** The payload of a JWS that this installation has signed. */
  readOwn: (jws: string) => unknown
  clock: Pick<DatabaseClock, 'now'>
}

export interface SignedEnds {
  /** Signs more, until the transaction ends. */
  sign: Sign
  /** By chain: as they are, signed or not. */
  ends: ReadonlyMap<string, ChainEnd>
  signed: SignedCheckpoint[]
  /** Newer than what was known: signed by another replica, or before this one started. */
  found: SignedCheckpoint[]
  contradictions: { chain: string; contradiction: Contradiction }[]
}

/**
 * Signs those chains that have moved since their last checkpoint.
 *
 * @param known - the chains, each with what this replica knew of it before the transaction began
 */
export async function signEnds(
  { holdSigner, readOwn, clock }: SigningParts,
  {
    auditCheckpoints,
    macs,
    signingKeys,
  }: Pick<TransactionStore, 'auditCheckpoints' | 'macs' | 'signingKeys'>,
  known: ReadonlyMap<string, KnownCheckpoint | undefined>,
): Promise<SignedEnds> {
  // Before the heads are locked; and so this replica knows the keys of all checkpoints that it reads.
  const sign = await holdSigner({ signingKeys })
  const chains = [...known.keys()]
  const ends = byChain(await auditCheckpoints.lockEnds(chains))
  // A statement of its own, begun after the locks were had: it sees what another replica has committed before.
  const stored = byChain(await auditCheckpoints.findNewest(chains))
  const looks = chains.map((chain) => {
    return { chain, end: ends.get(chain), ...compare(readOwn, known.get(chain), stored.get(chain)) }
  })
  const hashAt = hashesOf(
    await auditCheckpoints.findHashes(
      looks.flatMap(({ chain, end, vouched }) =>
        [...vouched, ...(end === undefined ? [] : [end])].map(({ sequence }) => ({ chain, sequence })),
      ),
    ),
  )

  const isAuthentic = (end: LockedEnd) => macs.faultOf('auditHead', end) === undefined
  const outcome: SignedEnds = { sign, ends, signed: [], found: [], contradictions: [] }
  for (const { chain, end, found, vouched, contradiction: compared } of looks) {
    const contradiction =
      (end === undefined || isAuthentic(end) ? compared : 'head-not-authentic') ??
      contradictionOf(end, vouched, (sequence) => hashAt(chain, sequence))
    if (contradiction !== undefined) {
      outcome.contradictions.push({ chain, contradiction })
      continue
    }
    if (found !== undefined) outcome.found.push(found)
    const last = vouched.at(-1)
    if (end === undefined || end.sequence === last?.sequence) continue
    const checkpoint: AuditCheckpoint = {
      type: 'keyhold/audit-checkpoint/1',
      tenantId: chain === '' ? null : chain,
      ...{ sequence: end.sequence, hash: end.hash.toString('hex') },
      ...{ number: (last?.number ?? 0) + 1, previous: last?.digest ?? noCheckpointBefore },
      signedAt: clock.now().toISOString(),
    }
    outcome.signed.push({ jws: sign({ ...checkpoint }), checkpoint })
  }
  await auditCheckpoints.insert(
    outcome.signed.map(({ jws, checkpoint }) => {
      return { chain: chainOf(checkpoint), number: checkpoint.number, jws }
    }),
  )
  return outcome
}

interface Compared {
  /** The checkpoints that the chain has to agree with, the newest last. */
  vouched: KnownCheckpoint[]
  found?: SignedCheckpoint
  contradiction?: Contradiction
}

function compare(
  readOwn: (jws: string) => unknown,
  known: KnownCheckpoint | undefined,
  stored: StoredCheckpoint | undefined,
): Compared {
  const vouched = known === undefined ? [] : [known]
  if ((stored?.number ?? 0) < (known?.number ?? 0)) return { vouched, contradiction: 'checkpoint-missing' }
  if (stored === undefined) return { vouched }
  if (stored.number === known?.number) {
    const isSame = checkpointDigest(stored.jws) === known.digest
    return isSame ? { vouched } : { vouched, contradiction: 'checkpoint-changed' }
  }
  const found = readStored(readOwn, stored)
  if (found === undefined) return { vouched, contradiction: 'checkpoint-foreign' }
  return { vouched: [...vouched, knownOf(found)], found }
}

function contradictionOf(
  end: ChainEnd | undefined,
  vouched: readonly KnownCheckpoint[],
  hashAt: (sequence: number) => string | undefined,
): Contradiction | undefined {
  if (end === undefined) return vouched.length === 0 ? undefined : 'chain-missing'
  if (vouched.some(({ sequence }) => sequence > end.sequence)) return 'head-older'
  if (vouched.some(({ sequence, hash }) => hashAt(sequence) !== hash)) return 'record-changed'
  return hashAt(end.sequence) === end.hash.toString('hex') ? undefined : 'head-wrong'
}

function hashesOf(rows: readonly ChainEnd[]): (chain: string, sequence: number) => string | undefined {
  const hashes = new Map(
    rows.map(({ chain, sequence, hash }) => [`${sequence} ${chain}`, hash.toString('hex')]),
  )
  return (chain, sequence) => hashes.get(`${sequence} ${chain}`)
}

function byChain<Row extends { chain: string }>(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [row.chain, row]))
}
