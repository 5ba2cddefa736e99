// Reads the fields of a request by the rules of the service model and refuses them in AWS's words.
// Wrong types are a SerializationException; broken limits are collected into one ValidationException.
import { KmsError, validationError } from '../kms-error.ts'
import type { Tag } from '../keys/key-record.ts'

interface Limits {
  readonly min?: number
  readonly max?: number
}

export class RequestFields {
  readonly #values: ReadonlyMap<string, unknown>
  readonly #violations: string[] = []

  constructor(body: unknown) {
    if (!isObject(body)) {
      throw new KmsError('SerializationException', 'Start of structure or map found where not expected.')
    }
    this.#values = new Map(Object.entries(body))
  }

  /** Reads with `pick`, then refuses the request if any field broke a limit. */
  read<T>(pick: (fields: this) => T): T {
    const picked = pick(this)
    if (this.#violations.length > 0) {
      const count = this.#violations.length
      const plural = count === 1 ? 'error' : 'errors'
      throw validationError(`${count} validation ${plural} detected: ${this.#violations.join('; ')}`)
    }
    return picked
  }

  text(name: string, limits: Limits & { readonly pattern?: RegExp } = {}): string | undefined {
    const value = this.#typed(name, 'String', (one) => typeof one === 'string')
    if (value === undefined) return undefined
    this.#checkLength(name, `Value '${value}'`, value.length, limits)
    if (limits.pattern !== undefined && !limits.pattern.test(value)) {
      this.#violate(name, `Value '${value}'`, `satisfy regular expression pattern: ${limits.pattern.source}`)
    }
    return value
  }

  requiredText(name: string, limits: Limits & { readonly pattern?: RegExp } = {}): string {
    return this.text(name, limits) ?? this.#missing(name, '')
  }

  keyId(name: string): string | undefined {
    return this.text(name, { min: 1, max: 2048 })
  }

  requiredKeyId(name: string): string {
    return this.keyId(name) ?? this.#missing(name, '')
  }

  choice<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const value = this.text(name)
    const chosen = allowed.find((one) => one === value)
    if (value !== undefined && chosen === undefined) {
      this.#violate(name, `Value '${value}'`, `satisfy enum value set: [${allowed.join(', ')}]`)
    }
    return chosen
  }

  integer(name: string, limits: Limits): number | undefined {
    const value = this.#typed(name, 'Integer', (one) => typeof one === 'number')
    if (value === undefined) return undefined
    if (!Number.isInteger(value)) {
      throw new KmsError('SerializationException', 'NUMBER_VALUE can not be converted to an Integer')
    }
    const { min = value, max = value } = limits
    if (value < min) {
      this.#violate(name, `Value '${value}'`, `have value greater than or equal to ${min}`)
    }
    if (value > max) this.#violate(name, `Value '${value}'`, `have value less than or equal to ${max}`)
    return value
  }

  flag(name: string): boolean {
    return this.#typed(name, 'Boolean', (one) => typeof one === 'boolean') ?? false
  }

  /** The value never appears in a message: it may be a plaintext. */
  requiredBytes(name: string, max: number): Buffer {
    const text = this.#typed(name, 'Blob', (one) => typeof one === 'string')
    if (text === undefined) return this.#missing(name, Buffer.alloc(0))
    const bytes = Buffer.from(text, 'base64')
    if (bytes.toString('base64').replace(/=+$/, '') !== text.replace(/=+$/, '')) {
      throw new KmsError('SerializationException', `${name} is not valid Base64.`)
    }
    this.#checkLength(name, 'Value', bytes.length, { min: 1, max })
    return bytes
  }

  encryptionContext(name: string): ReadonlyMap<string, string> {
    const value = this.#typed(name, 'Map', isObject)
    return new Map(
      Object.entries(value ?? {}).map(([key, one]: [string, unknown]) => {
        if (typeof one !== 'string') {
          throw new KmsError('SerializationException', `${jsonType(one)} can not be converted to a String`)
        }
        return [key, one]
      }),
    )
  }

  texts(name: string, limits: Limits): string[] | undefined {
    return this.#list(name, limits)?.map((one) => {
      if (typeof one === 'string') return one
      throw new KmsError('SerializationException', `${jsonType(one)} can not be converted to a String`)
    })
  }

  tags(name: string): Tag[] | undefined {
    return this.#list(name, { max: 200 })?.map((one, index) => {
      const tag = new RequestFields(one)
      const TagKey = tag.requiredText('TagKey', { min: 1, max: 128 })
      const TagValue = tag.requiredText('TagValue', { max: 256 })
      const within = (message: string): string =>
        message.replace(/ at '/, ` at '${lowerFirst(name)}.${index + 1}.member.`)
      this.#violations.push(...tag.#violations.map(within))
      return { TagKey, TagValue }
    })
  }

  has(name: string): boolean {
    return (this.#values.get(name) ?? undefined) !== undefined
  }

  requiredTexts(name: string): string[] {
    return this.texts(name, {}) ?? this.#missing(name, [])
  }

  requiredTags(name: string): Tag[] {
    return this.tags(name) ?? this.#missing(name, [])
  }

  #list(name: string, limits: Limits): unknown[] | undefined {
    const value = this.#values.get(name) ?? undefined
    if (value === undefined) return undefined
    if (!isList(value)) {
      throw new KmsError('SerializationException', `${jsonType(value)} can not be converted to a List`)
    }
    this.#checkLength(name, 'Value', value.length, limits)
    return value
  }

  #typed<T>(name: string, type: string, isType: (value: unknown) => value is T): T | undefined {
    // AWS treats null as absent.
    const value = this.#values.get(name) ?? undefined
    if (value === undefined || isType(value)) return value
    const article = type === 'Integer' ? 'an' : 'a'
    throw new KmsError(
      'SerializationException',
      `${jsonType(value)} can not be converted to ${article} ${type}`,
    )
  }

  #checkLength(name: string, shown: string, length: number, { min = 0, max = Infinity }: Limits): void {
    if (length < min) this.#violate(name, shown, `have length greater than or equal to ${min}`)
    if (length > max) this.#violate(name, shown, `have length less than or equal to ${max}`)
  }

  #missing<T>(name: string, placeholder: T): T {
    this.#violate(name, 'Value null', 'not be null')
    return placeholder
  }

  #violate(name: string, shown: string, must: string): void {
    this.#violations.push(
      `${shown} at '${lowerFirst(name)}' failed to satisfy constraint: Member must ${must}`,
    )
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// Array.isArray alone makes the members `any`.
function isList(value: unknown): value is unknown[] {
  return Array.isArray(value)
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1)
}

function jsonType(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'TRUE_VALUE' : 'FALSE_VALUE'
  if (typeof value === 'number') return 'NUMBER_VALUE'
  if (typeof value === 'string') return 'STRING_VALUE'
  return Array.isArray(value) ? 'START_ARRAY' : 'START_OBJECT'
}
