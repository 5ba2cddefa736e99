// One function for each type of field that the service model has. Each answers undefined for an absent field.
import type { EncryptionContext } from '../keys/ciphertext.ts'
import type { Tag } from '../keys/key-record.ts'
import { isJsonObject } from '../json-object.ts'
import { serializationError } from '../kms-error.ts'
import {
  checkLength,
  type FieldSource,
  findField,
  findTypedField,
  type Limits,
  lowerFirst,
  missing,
  notConvertible,
  openFieldSource,
  violate,
} from './field-source.ts'

export interface TextLimits extends Limits {
  pattern?: RegExp
}

const maxTags = 200

export function findText(source: FieldSource, name: string, limits: TextLimits = {}): string | undefined {
  const value = findTypedField(source, name, 'String', isText)
  if (value === undefined) return undefined
  checkText(source, name, `Value '${value}'`, value, limits)
  return value
}

/** Like `findText`, for a text that no message may show. */
export function findSecret(source: FieldSource, name: string, limits: TextLimits = {}): string | undefined {
  const value = findTypedField(source, name, 'String', isText)
  if (value !== undefined) checkText(source, name, 'Value', value, limits)
  return value
}

function checkText(
  source: FieldSource,
  name: string,
  shown: string,
  value: string,
  limits: TextLimits,
): void {
  checkLength(source, name, shown, value.length, limits)
  if (limits.pattern !== undefined && !limits.pattern.test(value)) {
    violate(source, name, shown, `satisfy regular expression pattern: ${limits.pattern.source}`)
  }
}

export function findChoice<T extends string>(
  source: FieldSource,
  name: string,
  allowed: readonly T[],
): T | undefined {
  const value = findText(source, name)
  const chosen = allowed.find((one) => one === value)
  if (value !== undefined && chosen === undefined) {
    violate(source, name, `Value '${value}'`, `satisfy enum value set: [${allowed.join(', ')}]`)
  }
  return chosen
}

export function findChoices<T extends string>(
  source: FieldSource,
  name: string,
  allowed: readonly T[],
): T[] | undefined {
  const values = findTexts(source, name, {})
  const chosen = values
    ?.map((value) => allowed.find((one) => one === value))
    .filter((one) => one !== undefined)
  if (values !== undefined && chosen?.length !== values.length) {
    const must = `satisfy constraint: [Member must satisfy enum value set: [${allowed.join(', ')}]]`
    violate(source, name, `Value '[${values.join(', ')}]'`, must)
  }
  return chosen
}

export function findInteger(source: FieldSource, name: string, limits: Limits): number | undefined {
  const value = findTypedField(source, name, 'Integer', (one) => typeof one === 'number')
  if (value === undefined) return undefined
  if (!Number.isInteger(value)) throw notConvertible(value, 'Integer')
  const { min = value, max = value } = limits
  if (value < min) violate(source, name, `Value '${value}'`, `have value greater than or equal to ${min}`)
  if (value > max) violate(source, name, `Value '${value}'`, `have value less than or equal to ${max}`)
  return value
}

/** The protocol sends seconds, with a fraction. */
export function findTime(source: FieldSource, name: string): number | undefined {
  const seconds = findTypedField(source, name, 'Timestamp', (one) => typeof one === 'number')
  return seconds === undefined ? undefined : Math.round(seconds * 1_000)
}

export function findFlag(source: FieldSource, name: string): boolean | undefined {
  return findTypedField(source, name, 'Boolean', (one) => typeof one === 'boolean')
}

/** No message shows the value, because it may be a plaintext. */
export function findBytes(source: FieldSource, name: string, maxBytes: number): Buffer | undefined {
  const text = findTypedField(source, name, 'Blob', isText)
  if (text === undefined) return undefined
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64').replace(/=+$/, '') !== text.replace(/=+$/, '')) {
    throw serializationError(`${name} is not valid Base64.`)
  }
  checkLength(source, name, 'Value', bytes.length, { min: 1, max: maxBytes })
  return bytes
}

/** An absent context is the empty one. */
export function getEncryptionContext(source: FieldSource, name: string): EncryptionContext {
  const context = findTypedField(source, name, 'Map', isJsonObject)
  return new Map(Object.entries(context ?? {}).map(([key, value]) => [key, asText(value)]))
}

export function findTexts(source: FieldSource, name: string, limits: Limits): string[] | undefined {
  return findList(source, name, limits)?.map(asText)
}

export function findTags(source: FieldSource, name: string): Tag[] | undefined {
  return findList(source, name, { max: maxTags })?.map((one, index) => {
    const tag = openFieldSource(one)
    const TagKey = findText(tag, 'TagKey', { min: 1, max: 128 }) ?? missing(tag, 'TagKey', '')
    const TagValue = findText(tag, 'TagValue', { max: 256 }) ?? missing(tag, 'TagValue', '')
    const place = `${lowerFirst(name)}.${index + 1}.member.`
    source.violations.push(...tag.violations.map((message) => message.replace(/ at '/, ` at '${place}`)))
    return { TagKey, TagValue }
  })
}

/** Reads a nested structure with `pick`, and names the limits that it breaks by their place in it. */
export function findStructure<T>(
  source: FieldSource,
  name: string,
  pick: (nested: FieldSource) => T,
): T | undefined {
  const value = findField(source, name)
  if (value === undefined) return undefined
  const nested = openFieldSource(value)
  const picked = pick(nested)
  const place = `${lowerFirst(name)}.`
  source.violations.push(...nested.violations.map((message) => message.replace(/ at '/, ` at '${place}`)))
  return picked
}

function findList(source: FieldSource, name: string, limits: Limits): unknown[] | undefined {
  const list = findField(source, name)
  if (list === undefined) return undefined
  if (!isList(list)) throw notConvertible(list, 'List')
  checkLength(source, name, 'Value', list.length, limits)
  return list
}

function asText(value: unknown): string {
  if (isText(value)) return value
  throw notConvertible(value, 'String')
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

// Array.isArray alone makes the members `any`.
function isList(value: unknown): value is unknown[] {
  return Array.isArray(value)
}
