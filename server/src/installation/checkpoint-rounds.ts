// Looks at all chains of audit records again and again, and has those signed that have moved. It remembers the newest
// checkpoint of each, also those of other replicas.
import { auditChainStart, KeyholdError } from '@keyhold/core'
import type { SeenChain } from '../store/audit-trail/audit-checkpoints.ts'
import type { Store } from '../store/store.ts'
import {
  chainOf,
  checkpointDigest,
  knownOf,
  type KnownCheckpoint,
  type SignedCheckpoint,
} from './audit-checkpoint.ts'
import type { CheckpointWriter } from './checkpoint-writer.ts'
import { signEnds, type Contradiction, type SignedEnds, type SigningParts } from './sign-ends.ts'

export interface CheckpointParts extends Omit<SigningParts, 'clock'> {
  store: Pick<Store, 'auditCheckpoints' | 'transaction' | 'clock'>
  writer: CheckpointWriter
  /** From the file of this replica: the newest of each chain. */
  kept: readonly SignedCheckpoint[]
  /** Receives each checkpoint that this replica has signed and committed. */
  onSigned: (signed: SignedCheckpoint) => void
  /** Receives each look at a chain that must not be signed. */
  onContradiction: (chain: string, contradiction: Contradiction) => void
  /** Receives why a chain could not be signed: the next round tries it again. */
  onFailed: (chain: string, error: unknown) => void
}

/** The end of a chain as it is signed for who asks for it. */
export interface SignedHead {
  jws: string
  /** The payload of the JWS. */
  head: {
    type: 'keyhold/audit-head/1'
    /** Null: the installation's chain. */
    tenantId: string | null
    /** 0: it has no record. */
    sequence: number
    hash: string
    signedAt: string
  }
}

export interface Checkpoints {
  /**
   * Looks at chains for some two seconds, and signs those that have moved. The next round goes on where it ended.
   *
   * @throws KeyholdError where the signing key cannot be used
   */
  round(): Promise<void>
  /**
   * Signs one chain, if it has moved, and its head, whether it has or not.
   *
   * @param tenantId - undefined: the installation's chain
   * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` where it contradicts what was signed before, or Keyhold did not write it
   */
  signNow(tenantId: string | undefined): Promise<SignedHead>
}

const chainsAtOnce = 100
const roundMs = 2_000

export function createCheckpoints(parts: CheckpointParts): Checkpoints {
  // Nothing holds on to `parts`: what was kept of a hundred thousand chains takes a hundred megabytes, and is of no more use.
  const { store, writer, holdSigner, readOwn, onSigned, onContradiction, onFailed } = parts
  const known = new Map<string, KnownCheckpoint>()
  for (const each of parts.kept) remember(each)
  let position: string | undefined
  let seen = new Set<string>()

  function remember(signed: SignedCheckpoint): void {
    const chain = chainOf(signed.checkpoint)
    if ((known.get(chain)?.number ?? 0) < signed.checkpoint.number) known.set(chain, knownOf(signed))
  }

  /** Whether there is nothing to sign, and nothing that this replica does not know. */
  function isSettled({ chain, sequence, newest }: SeenChain): boolean {
    const last = known.get(chain)
    return (
      last?.sequence === sequence &&
      newest?.number === last.number &&
      checkpointDigest(newest.jws) === last.digest
    )
  }

  /** @param inTransaction - signs more of it */
  async function signChains(
    chains: readonly string[],
    inTransaction: (outcome: SignedEnds) => void = () => undefined,
  ): Promise<SignedEnds> {
    // This memory is read before the database is: so it is never ahead of it, as long as the database does not go back.
    const before = new Map(chains.map((chain) => [chain, known.get(chain)]))
    const outcome = await store.transaction(async (transaction) => {
      const signed = await signEnds({ holdSigner, readOwn, clock: store.clock }, transaction, before)
      inTransaction(signed)
      return signed
    })
    const { signed, found, contradictions } = outcome
    for (const each of [...found, ...signed]) remember(each)
    writer.write([...found, ...signed])
    for (const each of signed) onSigned(each)
    for (const { chain, contradiction } of contradictions) onContradiction(chain, contradiction)
    return outcome
  }

  /** Without the signing key none can be signed. That is told once for all of them. */
  async function requireSigner(): Promise<void> {
    await store.transaction((transaction) => holdSigner(transaction))
  }

  /** One chain that fails keeps no other from being signed. */
  async function signEach(chains: readonly string[]): Promise<void> {
    if (chains.length === 0) return
    try {
      await signChains(chains)
    } catch (error) {
      const [first, ...rest] = chains
      if (first === undefined) return
      if (rest.length === 0) {
        onFailed(first, error)
        return
      }
      const half = Math.ceil(chains.length / 2)
      await signEach(chains.slice(0, half))
      await signEach(chains.slice(half))
    }
  }

  return {
    async round() {
      const endMs = performance.now() + roundMs
      // The disk may not have taken all of it before.
      writer.write([])
      do {
        const page = await store.auditCheckpoints.listChains({ after: position, limit: chainsAtOnce })
        for (const { chain } of page) seen.add(chain)
        const moved = page.filter((each) => !isSettled(each)).map(({ chain }) => chain)
        if (moved.length > 0) await requireSigner()
        await signEach(moved)
        position = page.length < chainsAtOnce ? undefined : page.at(-1)?.chain
      } while (position !== undefined && performance.now() < endMs)
      if (position !== undefined) return
      // Those that are known and that nobody finds any more.
      const missing = [...known.keys()].filter((chain) => !seen.has(chain))
      seen = new Set()
      while (missing.length > 0) await signEach(missing.splice(0, chainsAtOnce))
    },

    async signNow(tenantId) {
      const chain = tenantId ?? ''
      let signedHead: SignedHead | undefined
      const { contradictions } = await signChains([chain], (outcome) => {
        if (outcome.contradictions.length > 0) return
        const { sequence, hash } = outcome.ends.get(chain) ?? { sequence: 0, hash: auditChainStart }
        const head: SignedHead['head'] = {
          ...{ type: 'keyhold/audit-head/1', tenantId: tenantId ?? null },
          ...{ sequence, hash: hash.toString('hex'), signedAt: store.clock.now().toISOString() },
        }
        signedHead = { jws: outcome.sign(head), head }
      })
      const [contradicted] = contradictions
      if (contradicted !== undefined) throw notAuthentic(chain, contradicted.contradiction)
      if (signedHead === undefined) throw new TypeError('a head was not signed')
      return signedHead
    },
  }
}

function notAuthentic(chain: string, contradiction: Contradiction): KeyholdError {
  const name = chain === '' ? 'of the installation' : `of tenant ${chain}`
  return new KeyholdError('ERR_RECORD_NOT_AUTHENTIC', {
    message: `The chain of audit records ${name} contradicts what was signed before (${contradiction}), and is not signed: somebody has changed the database, or an older one was put back.`,
  })
}
