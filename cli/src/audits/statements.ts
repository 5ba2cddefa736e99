// Signed statements about one chain: heads and checkpoints, those in an export and those that were kept elsewhere. Each says
// which hash the chain has at a record, and none may contradict another.
import { auditChainStart } from '@keyhold/client/node'
import { createHash } from 'node:crypto'
import type { TrustedKeys } from '../signatures/trusted-keys.ts'
import { verifyJws } from '../signatures/verify-jws.ts'
import type { ExportLine } from './export-lines.ts'
import { broken } from './verify-chain.ts'

type SignedLine = Extract<ExportLine, { jws: string }>

interface Statement {
  sequence: number
  hash: string
  /** Names it in errors. */
  name: string
}

interface Numbered extends Statement {
  digest: string
  isKept: boolean
}

export interface Statements {
  /** Verifies the signature. Answers the id of the key that made it. */
  add(line: SignedLine, place: string, isKept: boolean): string
  /** All that is said of the chain after this record has to agree with this hash. */
  compare(sequence: number, hash: Buffer): void
  /** Refuses what is said of records that the chain does not have, and checkpoints that are not in it. */
  end(records: number): void
  /** The last record that any of them vouches for, and the last one that one kept elsewhere does. */
  reach(): { all: number; kept: number }
  counts(): { checkpoints: number; kept: number }
}

// A replica reckons the time of the database, which it does not ask for each signature.
const clocksDifferMs = 60_000
const nothingBefore = '0'.repeat(64)

export function createStatements(keys: TrustedKeys): Statements {
  const bySequence = new Map<number, Statement[]>()
  const byNumber = new Map<number, Numbered>()
  const reached = { all: 0, kept: 0 }
  let kept = 0
  let exported = 0
  let before = nothingBefore

  function addCheckpoint(
    { jws, checkpoint: { number, previous, sequence, hash } }: Extract<SignedLine, { kind: 'checkpoint' }>,
    name: string,
    isKept: boolean,
  ): void {
    const digest = createHash('sha256').update(jws, 'latin1').digest('hex')
    const other = byNumber.get(number)
    if (other !== undefined && other.digest !== digest)
      throw broken(
        `${name} and ${other.name} contradict each other: both are checkpoint ${number} of the chain`,
      )
    if (!isKept) {
      if (number !== exported + 1)
        throw broken(`checkpoint ${exported + 1} is missing in the export: ${number} comes next`)
      if (previous !== before) throw broken(`${name} does not follow from the one before it`)
      exported = number
      before = digest
    }
    byNumber.set(number, { sequence, hash, name, digest, isKept: isKept && (other?.isKept ?? true) })
  }

  function compare(sequence: number, hash: Buffer): void {
    const wrong = bySequence.get(sequence)?.find((each) => each.hash !== hash.toString('hex'))
    if (wrong === undefined) return
    throw broken(
      `up to record ${sequence} the chain is not the one that was signed: ${wrong.name} says otherwise`,
    )
  }

  return {
    add(line, place, isKept) {
      const { jws } = line
      const [content, what] =
        line.kind === 'head'
          ? ([line.head, 'the head'] as const)
          : ([line.checkpoint, `checkpoint ${line.checkpoint.number}`] as const)
      const name = `${what} in ${place}`
      const signedBy = verifyJws({ jws, content }, keys, name)
      const endMs = keys.endsMs.get(signedBy) ?? Number.POSITIVE_INFINITY
      if (Date.parse(content.signedAt) > endMs + clocksDifferMs)
        throw broken(`${name} was signed with the key ${signedBy} after another one had taken its place`)
      if (line.kind === 'checkpoint') addCheckpoint(line, name, isKept)
      const { sequence, hash } = content
      bySequence.set(sequence, [...(bySequence.get(sequence) ?? []), { sequence, hash, name }])
      reached.all = Math.max(reached.all, sequence)
      if (isKept) {
        reached.kept = Math.max(reached.kept, sequence)
        kept += 1
      }
      return signedBy
    },

    compare,

    end(records) {
      compare(0, auditChainStart)
      const beyond = [...bySequence.values()].flat().find(({ sequence }) => sequence > records)
      if (beyond !== undefined)
        throw broken(
          `the chain ends after record ${records}, but ${beyond.name} names ${beyond.sequence} records`,
        )
      for (const [number, { isKept, name }] of byNumber) {
        if (isKept) throw broken(`checkpoint ${number} is missing in the export: ${name} was kept`)
      }
    },

    reach: () => ({ ...reached }),
    counts: () => ({ checkpoints: exported, kept }),
  }
}
