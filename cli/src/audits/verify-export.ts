// Verifies an exported chain without a server: every hash is computed again, and compared with all that was signed, in the
// export and in what was kept elsewhere. The keys are pinned, never those that the export or a server names.
import type { JsonWebKeySet } from '@keyhold/client'
import { auditChainStart } from '@keyhold/client/node'
import { CliError } from '../errors/cli-error.ts'
import { readJson } from '../input/read-json.ts'
import { inputName, readLines, type Line } from '../input/read-lines.ts'
import type { Shell } from '../shell.ts'
import { parseExportLine, wrongLine, type ExportLine } from './export-lines.ts'
import { trustedKeys, type SignedRotation } from '../signatures/trusted-keys.ts'
import { createStatements, type Statements } from './statements.ts'
import { broken, hashOf, nameOf } from './verify-chain.ts'

export interface ExportOptions {
  /** The exported chain; `-`: standard input. */
  from: string
  /** State files of replicas, or earlier exports. */
  checkpoints: readonly string[]
  /** A head that was saved by a verification with the server. */
  head: string | undefined
  keys: JsonWebKeySet
  /** The chain that it has to be: null is that of the installation. Undefined: any. */
  tenantId: string | null | undefined
}

export interface VerifiedExport {
  /** Null: the chain of the installation. */
  tenantId: string | null
  records: number
  /** Of the last record. */
  hash: string
  /** The head in the export, and the key that signed it. */
  head: { sequence: number; signedAt: string; signedBy: string }
  /** How many checkpoints the export has, and how many statements about this chain were kept elsewhere. */
  checkpoints: number
  kept: number
  /** The last record for which a signature vouches; the last one for which one does that was kept elsewhere. */
  vouchedTo: number
  keptTo: number
  /** How often the signing key was replaced; absent: never. */
  rotations?: number
}

/** @throws CliError `failed`, which names the first record that is wrong; `usage` for files that are none */
export async function verifyExport(
  shell: Shell,
  { from, checkpoints, head: headFile, keys, tenantId: expected }: ExportOptions,
): Promise<VerifiedExport> {
  const lines = readLines(shell, from)
  const tenantId = await firstLine(lines, from, expected)
  const { rotations, next } = await readRotations(lines)
  const statements = createStatements(trustedKeys(keys, rotations))
  for (const file of checkpoints) await addKept(shell, statements, file, tenantId)
  if (headFile !== undefined) await addHead(shell, statements, headFile, tenantId)

  let head: VerifiedExport['head'] | undefined
  let hash = auditChainStart
  let records = 0
  for await (const line of andThen(next, lines)) {
    const parsed = parseExportLine(line)
    if (parsed.kind === 'rotation') throw wrongLine(line.place, 'comes after the head of the chain')
    if (parsed.kind === 'export') throw wrongLine(line.place, 'begins another export: verify one at a time')
    if (parsed.kind === 'record') {
      if (head === undefined) throw wrongLine(line.place, 'comes before the head of the chain')
      records += 1
      hash = hashOf(parsed.record, { hash, sequence: records, tenantId })
      statements.compare(records, hash)
      continue
    }
    refuseOtherChain(parsed, line.place, tenantId)
    if (records > 0) throw wrongLine(line.place, 'comes after a record')
    if ((parsed.kind === 'head') === (head !== undefined))
      throw wrongLine(
        line.place,
        head === undefined ? 'comes before the head of the chain' : 'is a second head',
      )
    const signedBy = statements.add(parsed, line.place, false)
    if (parsed.kind === 'head')
      head = { sequence: parsed.head.sequence, signedAt: parsed.head.signedAt, signedBy }
  }
  if (head === undefined) throw wrongLine(inputName(from), 'has no head: it is cut off')
  statements.end(records)
  const { all, kept } = statements.reach()
  return {
    ...{ tenantId, records, hash: hash.toString('hex'), head, ...statements.counts() },
    ...{ vouchedTo: all, keptTo: kept },
    ...(rotations.length > 0 && { rotations: rotations.length }),
  }
}

/** They come first, since what follows may be signed with the new key. */
async function readRotations(
  lines: AsyncGenerator<Line>,
): Promise<{ rotations: (SignedRotation & { place: string })[]; next: Line | undefined }> {
  const rotations: (SignedRotation & { place: string })[] = []
  for (;;) {
    const { value: next } = (await lines.next()) as { value: Line | undefined }
    const parsed = next && parseExportLine(next)
    if (parsed?.kind !== 'rotation') return { rotations, next }
    rotations.push(parsed)
  }
}

async function* andThen(first: Line | undefined, rest: AsyncGenerator<Line>): AsyncGenerator<Line> {
  if (first === undefined) return
  yield first
  yield* rest
}

async function firstLine(
  lines: AsyncGenerator<Line>,
  from: string,
  expected: string | null | undefined,
): Promise<string | null> {
  const { value: first } = (await lines.next()) as { value: Line | undefined }
  if (first === undefined) throw wrongLine(inputName(from), 'is empty')
  const begin = parseExportLine(first)
  if (begin.kind !== 'export') throw wrongLine(first.place, 'does not begin an export')
  const { tenantId } = begin
  if (expected !== undefined && expected !== tenantId) {
    const message = `${inputName(from)} holds the chain of ${nameOf({ tenantId })}, not of ${nameOf({ tenantId: expected })}`
    throw new CliError('usage', 'ERR_CLI_AUDIT_FILE', message)
  }
  return tenantId
}

/** A state file holds many chains: those of others are left out. */
async function addKept(
  shell: Shell,
  statements: Statements,
  file: string,
  tenantId: string | null,
): Promise<void> {
  const before = statements.counts().kept
  for await (const line of readLines(shell, file)) {
    const parsed = parseExportLine(line)
    if (parsed.kind === 'export' || parsed.kind === 'rotation' || parsed.kind === 'record') continue
    if (chainOf(parsed) === tenantId) statements.add(parsed, line.place, true)
  }
  if (statements.counts().kept > before) return
  throw new CliError(
    'usage',
    'ERR_CLI_AUDIT_FILE',
    `${file} says nothing about the chain of ${nameOf({ tenantId })}`,
    {
      hint: 'name a file that was kept of this chain: audit-checkpoints.ndjson of a replica, or an earlier export',
    },
  )
}

async function addHead(
  shell: Shell,
  statements: Statements,
  file: string,
  tenantId: string | null,
): Promise<void> {
  const parsed = parseExportLine({ text: JSON.stringify(await readJson(shell, file)), place: file })
  if (parsed.kind !== 'head') throw wrongLine(file, 'holds no head of a chain')
  const other = parsed.head.tenantId
  if (other !== tenantId) {
    const message = `the kept head is of ${nameOf({ tenantId: other })}, not of ${nameOf({ tenantId })}`
    throw new CliError('usage', 'ERR_CLI_AUDIT_HEAD', message)
  }
  statements.add(parsed, file, true)
}

function refuseOtherChain(
  line: Extract<ExportLine, { jws: string }>,
  place: string,
  tenantId: string | null,
): void {
  const other = chainOf(line)
  if (other !== tenantId)
    throw broken(
      `the ${line.kind} in ${place} is of ${nameOf({ tenantId: other })}, not of ${nameOf({ tenantId })}`,
    )
}

function chainOf(line: Extract<ExportLine, { jws: string }>): string | null {
  return (line.kind === 'head' ? line.head : line.checkpoint).tenantId
}
