// The lines of an exported chain and of files of checkpoints: NDJSON, each line an object with one of five first members. In
// this order: `export`, `rotation` as often as the signing key was replaced, `head`, `checkpoint` as often as there are any, `record`
// by record.
import type { Audit, AuditHead } from '@keyhold/client'
import { CliError } from '../errors/cli-error.ts'
import type { Line } from '../input/read-lines.ts'
import { rotationStatementType, type RotationStatement } from '@keyhold/core/rotation-statement'
import type { SignedRotation } from '../signatures/trusted-keys.ts'
import { broken } from './verify-chain.ts'

/** The payload of a checkpoint. */
export interface Checkpoint {
  type: 'keyhold/audit-checkpoint/1'
  /** Null: the chain of the installation. */
  tenantId: string | null
  sequence: number
  hash: string
  number: number
  /** SHA-256 of the JWS with the number before, in hex; zeros for number 1. */
  previous: string
  signedAt: string
}

export type ExportLine =
  | { kind: 'export'; tenantId: string | null }
  | ({ kind: 'rotation'; place: string } & SignedRotation)
  | { kind: 'head'; jws: string; head: AuditHead['head'] }
  | { kind: 'checkpoint'; jws: string; checkpoint: Checkpoint }
  | { kind: 'record'; record: Audit }

export const exportType = 'keyhold/audit-export/1'

/**
 * @throws CliError `usage` with `ERR_CLI_AUDIT_FILE` for a line that is none of them, `failed` with `ERR_CLI_AUDIT_BROKEN`
 * where it holds what Keyhold never writes
 */
export function parseExportLine({ text, place }: Line): ExportLine {
  const value = parseJson(text, place)
  const members = Object.keys(value)
  if (isSame(members, ['export'])) {
    const { export: begin } = value
    if (!isObject(begin) || begin.type !== exportType)
      throw wrongLine(place, 'is of a form that this version does not know')
    return { kind: 'export', tenantId: tenantIdOf(begin, place) }
  }
  if (isSame(members, ['record'])) {
    if (!isRecord(value.record))
      throw broken(`${nameOfRecord(value.record)}${place} is none that Keyhold writes`)
    return { kind: 'record', record: value.record }
  }
  if (isSame(members, ['counterstatement', 'rotation', 'statement'])) {
    return { kind: 'rotation', ...parseRotation(value, place) }
  }
  const { jws } = value
  if (typeof jws === 'string') {
    if (isSame(members, ['head', 'jws'])) return headLine(value.head, jws, place)
    if (isSame(members, ['checkpoint', 'jws'])) return checkpointLine(value.checkpoint, jws, place)
  }
  throw wrongLine(place, 'is none of "export", "rotation", "head", "checkpoint" and "record"')
}

/** @throws CliError `failed` with `ERR_CLI_AUDIT_BROKEN` where it is none that Keyhold writes */
export function parseRotation(
  { rotation, statement, counterstatement }: Record<string, unknown>,
  place: string,
): SignedRotation & { place: string } {
  const isRotation =
    isObject(rotation) &&
    rotation.type === rotationStatementType &&
    isSame(Object.keys(rotation), [
      ...['installationId', 'number', 'replaced', 'rotatedAt', 'successor', 'type'],
    ]) &&
    typeof rotation.installationId === 'string' &&
    isCount(rotation.number, 1) &&
    isTime(rotation.rotatedAt) &&
    [rotation.replaced, rotation.successor].every(
      (key) =>
        isObject(key) &&
        isSame(Object.keys(key), ['kid', 'x']) &&
        Object.values(key).every((text) => typeof text === 'string' && text !== ''),
    )
  if (!isRotation || typeof statement !== 'string' || typeof counterstatement !== 'string')
    throw broken(`${place} holds no rotation of a signing key`)
  return { rotation: rotation as unknown as RotationStatement, statement, counterstatement, place }
}

export function wrongLine(place: string, why: string): CliError {
  return new CliError('usage', 'ERR_CLI_AUDIT_FILE', `${place} ${why}`, {
    hint: 'keyhold audit export writes such a file; bring it here without any change of its bytes',
  })
}

function nameOfRecord(record: unknown): string {
  return isObject(record) && isCount(record.sequence, 0)
    ? `record ${String(record.sequence)} in `
    : 'the record in '
}

function parseJson(text: string, place: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw wrongLine(place, 'holds no JSON')
  }
  if (!isObject(value)) throw wrongLine(place, 'holds no JSON object')
  return value
}

function headLine(head: unknown, jws: string, place: string): ExportLine {
  const isHead =
    isObject(head) &&
    head.type === 'keyhold/audit-head/1' &&
    isSame(Object.keys(head), ['hash', 'sequence', 'signedAt', 'tenantId', 'type']) &&
    isStatement(head, 0)
  if (!isHead) throw broken(`${place} holds no head of a chain`)
  return { kind: 'head', jws, head: { ...head, tenantId: tenantIdOf(head, place) } as AuditHead['head'] }
}

function checkpointLine(checkpoint: unknown, jws: string, place: string): ExportLine {
  const isCheckpoint =
    isObject(checkpoint) &&
    checkpoint.type === 'keyhold/audit-checkpoint/1' &&
    isSame(Object.keys(checkpoint), [
      'hash',
      'number',
      'previous',
      'sequence',
      'signedAt',
      'tenantId',
      'type',
    ]) &&
    isStatement(checkpoint, 1) &&
    isCount(checkpoint.number, 1) &&
    isHash(checkpoint.previous)
  if (!isCheckpoint) throw broken(`${place} holds no checkpoint of a chain`)
  const tenantId = tenantIdOf(checkpoint, place)
  return { kind: 'checkpoint', jws, checkpoint: { ...checkpoint, tenantId } as Checkpoint }
}

function isStatement({ sequence, hash, signedAt }: Record<string, unknown>, from: number): boolean {
  return isCount(sequence, from) && isHash(hash) && isTime(signedAt)
}

function tenantIdOf({ tenantId }: Record<string, unknown>, place: string): string | null {
  if (tenantId === null || (typeof tenantId === 'string' && tenantId !== '')) return tenantId
  throw wrongLine(place, 'does not name a chain: a tenantId, or null for the installation')
}

// A member that the hash does not cover would be believed by whoever reads the file.
function isRecord(value: unknown): value is Audit {
  if (!isObject(value)) return false
  const { tenantId, sequence, id, at, actor, action, target, traceId, details, hash, ...others } = value
  return (
    Object.keys(others).length === 0 &&
    [tenantId, traceId].every((text) => text === undefined || (typeof text === 'string' && text !== '')) &&
    isCount(sequence, 0) &&
    [id, action].every((text) => typeof text === 'string') &&
    isTime(at) &&
    isObject(actor) &&
    typeof actor.id === 'string' &&
    (isSame(Object.keys(actor), ['id']) ||
      (isSame(Object.keys(actor), ['id', 'role']) && typeof actor.role === 'string' && actor.role !== '')) &&
    isObject(target) &&
    isSame(Object.keys(target), ['id', 'kind']) &&
    Object.values(target).every((text) => typeof text === 'string') &&
    isObject(details) &&
    Object.values(details).every((text) => typeof text === 'string') &&
    isHash(hash)
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown, from: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= from
}

function isHash(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
}

/** One instant has one text. */
function isTime(value: unknown): boolean {
  return (
    typeof value === 'string' && !Number.isNaN(Date.parse(value)) && new Date(value).toISOString() === value
  )
}

function isSame(members: readonly string[], sorted: readonly string[]): boolean {
  return String([...members].sort()) === String(sorted)
}
