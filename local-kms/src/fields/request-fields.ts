// Reads the fields of a request by the rules of the service model, and refuses them in AWS's words.
import type { EncryptionContext } from '../keys/ciphertext.ts'
import type { Tag } from '../keys/key-record.ts'
import { isJsonObject } from '../json-object.ts'
import { validationError } from '../kms-error.ts'
import { type FieldSource, findField, type Limits, missing, openFieldSource } from './field-source.ts'
import {
  findBytes,
  findChoice,
  findChoices,
  findFlag,
  findInteger,
  findSecret,
  findStructure,
  findTags,
  findText,
  findTime,
  findTexts,
  getEncryptionContext,
  type TextLimits,
} from './find-fields.ts'

/** Absent members are undefined. Wrong types and broken limits are refused. */
export interface RequestFields {
  /**
   * Reads with `pick`.
   *
   * @throws KmsError ValidationException that names every limit broken by the fields read
   */
  read<T>(pick: (fields: RequestFields) => T): T
  has(name: string): boolean
  /** The member as conditions of policies see it: a text, number or flag alone, or the entries of a list. */
  shown(name: string): string[]
  /** The names of the members of a nested structure. */
  memberNames(name: string): string[]
  text(name: string, limits?: TextLimits): string | undefined
  /** Like `text`, for a text that no message may show. */
  secret(name: string, limits?: TextLimits): string | undefined
  requiredText(name: string, limits?: TextLimits): string
  keyId(name: string): string | undefined
  requiredKeyId(name: string): string
  choice<T extends string>(name: string, allowed: readonly T[]): T | undefined
  requiredChoice<T extends string>(name: string, allowed: readonly [T, ...T[]]): T
  requiredChoices<T extends string>(name: string, allowed: readonly T[]): T[]
  integer(name: string, limits: Limits): number | undefined
  /** False when absent. */
  flag(name: string): boolean
  /** Milliseconds since 1970. */
  time(name: string): number | undefined
  requiredBytes(name: string, maxBytes: number): Buffer
  /** Empty when absent. */
  encryptionContext(name: string): EncryptionContext
  /** Reads a nested structure with `pick`. */
  structure<T>(name: string, pick: (nested: RequestFields) => T): T | undefined
  texts(name: string, limits: Limits): string[] | undefined
  requiredTexts(name: string): string[]
  tags(name: string): Tag[] | undefined
  requiredTags(name: string): Tag[]
}

const keyIdLimits = { min: 1, max: 2048 }

/** @throws KmsError SerializationException for a body that is no object */
export function createRequestFields(body: unknown): RequestFields {
  return fieldsOf(openFieldSource(body))
}

function fieldsOf(source: FieldSource): RequestFields {
  const fields: RequestFields = {
    read(pick) {
      const picked = pick(fields)
      refuseViolations(source)
      return picked
    },
    has: (name) => findField(source, name) !== undefined,
    shown: (name) => {
      const value = findField(source, name)
      return (Array.isArray(value) ? value : [value]).filter(isScalar).map(String)
    },
    memberNames: (name) => {
      const value = findField(source, name)
      return isJsonObject(value) ? Object.keys(value) : []
    },
    text: (name, limits) => findText(source, name, limits),
    secret: (name, limits) => findSecret(source, name, limits),
    requiredText: (name, limits) => findText(source, name, limits) ?? missing(source, name, ''),
    keyId: (name) => findText(source, name, keyIdLimits),
    requiredKeyId: (name) => findText(source, name, keyIdLimits) ?? missing(source, name, ''),
    choice: (name, allowed) => findChoice(source, name, allowed),
    requiredChoice: (name, allowed) => requireChoice(source, name, allowed),
    requiredChoices: (name, allowed) => findChoices(source, name, allowed) ?? missing(source, name, []),
    integer: (name, limits) => findInteger(source, name, limits),
    flag: (name) => findFlag(source, name) ?? false,
    time: (name) => findTime(source, name),
    requiredBytes: (name, maxBytes) =>
      findBytes(source, name, maxBytes) ?? missing(source, name, Buffer.alloc(0)),
    encryptionContext: (name) => getEncryptionContext(source, name),
    structure: (name, pick) => findStructure(source, name, (nested) => pick(fieldsOf(nested))),
    texts: (name, limits) => findTexts(source, name, limits),
    requiredTexts: (name) => findTexts(source, name, {}) ?? missing(source, name, []),
    tags: (name) => findTags(source, name),
    requiredTags: (name) => findTags(source, name) ?? missing(source, name, []),
  }
  return fields
}

// A text that is no choice is named as such. Only an absent one is missing.
function requireChoice<T extends string>(
  source: FieldSource,
  name: string,
  allowed: readonly [T, ...T[]],
): T {
  if (findField(source, name) === undefined) return missing(source, name, allowed[0])
  return findChoice(source, name, allowed) ?? allowed[0]
}

function isScalar(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value)
}

function refuseViolations({ violations }: FieldSource): void {
  if (violations.length === 0) return
  const plural = violations.length === 1 ? 'error' : 'errors'
  throw validationError(`${violations.length} validation ${plural} detected: ${violations.join('; ')}`)
}
